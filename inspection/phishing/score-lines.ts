// Lines of URLs in, rows of tab-separated answers out, in the same order and bounded memory. Must answer every line, also
// an empty, binary or endless one, with exactly one row.
import { StringDecoder } from 'node:string_decoder'
import { phishingCaps } from './caps.ts'
import { openUrlModel, type UrlModel } from './url-model.ts'

export type ScoreOptions = { readonly signal?: AbortSignal; readonly model?: UrlModel }

/** Text to write, a chunk for a chunk. */
export async function* scoreLines(
  source: AsyncIterable<Uint8Array>,
  options: ScoreOptions = {},
): AsyncGenerator<string> {
  const model = options.model ?? openUrlModel()
  const decoder = new StringDecoder('utf8')
  let kept = ''
  let isTooLong = false
  let isFirst = true
  for await (const chunk of source) {
    options.signal?.throwIfAborted()
    let out = ''
    let text = kept + decoder.write(chunk)
    kept = ''
    if (isFirst && text.startsWith('\ufeff')) text = text.slice(1)
    isFirst = false
    let from = 0
    for (let end = text.indexOf('\n', from); end >= 0; end = text.indexOf('\n', from)) {
      out += rowOf(text.slice(from, end), isTooLong, model)
      isTooLong = false
      from = end + 1
    }
    kept = text.slice(from)
    // The rest of an endless line is dropped, its beginning answered when it ends.
    if (kept.length > phishingCaps.maxLineChars) {
      kept = kept.slice(0, phishingCaps.maxLineChars)
      isTooLong = true
    }
    if (out !== '') yield out
  }
  kept += decoder.end()
  if (kept !== '' || isTooLong) yield rowOf(kept, isTooLong, model)
}

function rowOf(line: string, isTooLong: boolean, model: UrlModel): string {
  const url = line.endsWith('\r') ? line.slice(0, -1) : line
  // A tab within the URL would shift the columns; so would a lone carriage return on a screen.
  const shown = url.replaceAll('\t', '%09').replaceAll('\r', '%0D')
  if (isTooLong)
    return `${shown.slice(0, phishingCaps.maxLineChars)}\t0.000000\tunreadable\tNot a web address: the line is longer than a URL can be.\n`
  const { score, verdict, reason } = model.score(url)
  return `${shown}\t${score.toFixed(6)}\t${verdict}\t${reason}\n`
}
