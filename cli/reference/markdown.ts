// The little Markdown that the reference pages are made of.
import type { SchemaRow } from './schema-rows.ts'

export const GENERATED = '<!-- Made by `npm run reference` from the schemas; do not edit by hand. -->'

/** A table; cells may hold anything: bars and line breaks are made harmless. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function schemaTable(rows: readonly SchemaRow[]): string {
  return table(
    ['key', 'type', 'required', 'meaning'],
    rows.map(({ path, type, isRequired, meaning }) => [`\`${path}\``, type, isRequired ? 'yes' : '', meaning]),
  )
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')
}
