// Lines of a file, a chunk's worth at a time. Must never hold a line longer than the cap: of such a line only its place
// is handed on, as null.
import { createReadStream } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { caps } from '#intelligence/caps.ts'

const CHUNK_BYTES = 1 << 18

/** `-` reads standard input. */
export async function* readLines(file: string, signal: AbortSignal): AsyncGenerator<readonly (string | null)[]> {
  const decoder = new StringDecoder('utf8')
  const source = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES, signal })
  let rest = ''
  let isTooLong = false
  for await (const chunk of source as AsyncIterable<Buffer>) {
    signal.throwIfAborted()
    const parts = decoder.write(chunk).split('\n')
    const lines: (string | null)[] = []
    for (const [at, part] of parts.entries()) {
      const isLast = at === parts.length - 1
      if (!isTooLong) rest += part
      if (rest.length > caps.lineBytes.default) {
        isTooLong = true
        rest = ''
      }
      if (isLast) break
      lines.push(isTooLong ? null : rest.endsWith('\r') ? rest.slice(0, -1) : rest)
      isTooLong = false
      rest = ''
    }
    yield lines
  }
  const last = rest + decoder.end()
  if (isTooLong) yield [null]
  else if (last !== '') yield [last]
}
