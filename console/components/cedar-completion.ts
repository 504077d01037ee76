// What to offer at a place in a policy: names after `App::"`, attributes after a dot, annotations after `@`, else words.
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete'
import { actions, afterPath, annotations, pluralOf, typeNames, words } from './cedar-vocabulary.ts'

/** Names of a kind of this tenant that begin or contain what was typed. */
export type NamesOf = (plural: string, typed: string) => Promise<readonly string[]>

const escaped = (name: string): string => name.replace(/[\\"]/g, '\\$&')

export async function completeCedar(context: CompletionContext, namesOf: NamesOf): Promise<CompletionResult | null> {
  const quoted = context.matchBefore(/\w+::"[^"\n]*/)
  if (quoted) {
    const [type = '', typed = ''] = quoted.text.split('::"')
    const names = type === 'Action' ? actions : pluralOf[type] === undefined ? [] : await namesOf(pluralOf[type], typed)
    return {
      from: quoted.from + type.length + 3,
      options: names.map((name) => ({ label: name, apply: escaped(name), type: 'text' })),
      validFor: /^[^"\n]*$/,
    }
  }
  const path = context.matchBefore(/(?:context|principal|resource)(?:\.\w+)*\.\w*/)
  if (path) {
    const steps = path.text.split('.')
    const last = steps.pop() ?? ''
    const { attributes, methods } = afterPath(steps)
    return {
      from: path.to - last.length,
      options: [
        ...attributes.map(({ name, type }): Completion => ({ label: name, detail: type.split('.').at(-1) ?? '' })),
        ...methods.map((name): Completion => ({ label: `${name}()`, apply: `${name}(`, detail: 'method' })),
      ],
      validFor: /^\w*$/,
    }
  }
  const note = context.matchBefore(/@\w*/)
  if (note) return { from: note.from + 1, options: annotations.map((label) => ({ label })), validFor: /^\w*$/ }
  const word = context.matchBefore(/\w+/)
  if (!word && !context.explicit) return null
  return {
    from: word?.from ?? context.pos,
    options: [
      ...words.map((label): Completion => ({ label, type: 'keyword' })),
      ...typeNames.map((label): Completion => ({ label, apply: `${label}::"`, detail: '::"…"' })),
      { label: 'Action', apply: 'Action::"', detail: '::"…"' },
    ],
    validFor: /^\w*$/,
  }
}
