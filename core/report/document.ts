// A report before it is a page: titles, texts, facts, lists and tables. HTML and PDF are made from the same document, so
// that they say the same. Every string in it may come from outside; whoever writes it out must make it text.
export type ReportBlock =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [name: string, value: string])[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

export type ReportSection = { readonly title: string; readonly blocks: readonly ReportBlock[] }

export type ReportDocument = {
  readonly title: string
  /** A word that says how it ended, with its colour. */
  readonly verdict: { readonly text: string; readonly look: 'good' | 'bad' | 'plain' }
  readonly subtitle: string
  readonly sections: readonly ReportSection[]
}

/** One line of plain text: no control, direction or invisible characters, which could make it read as something else. */
export function plainText(text: string, maxLength = 2000): string {
  const line = text
    // oxlint-disable-next-line no-control-regex -- these are what is taken out
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]+/g, ' ')
    .replaceAll(/[\u{e0000}-\u{e007f}]/gu, '')
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line
}

export function spanText(ms: number): string {
  return ms < 1000
    ? `${Math.round(ms)} ms`
    : ms < 120_000
      ? `${(ms / 1000).toFixed(1)} s`
      : ms < 7_200_000
        ? `${(ms / 60_000).toFixed(1)} min`
        : `${(ms / 3_600_000).toFixed(1)} h`
}
