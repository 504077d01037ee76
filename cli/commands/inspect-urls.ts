// `sallyport inspect score-urls`: judges a file of URLs, line by line, in bounded memory. Must answer every line in its
// order, also those that are no URL, and never resolve or request one.
import { createReadStream } from 'node:fs'
import { Fault } from '#core/fault.ts'
import type { Command } from '#cli/command.ts'

export const scoreUrls: Command = {
  usage: 'inspect score-urls FILE',
  summary: 'one URL a line in; "url, score 0..1 (higher is worse), verdict, reason" out, separated by tabs; - is stdin',
  positionals: [1, 1],
  async run(input) {
    const [file = ''] = input.words
    const { scoreLines } = await import('#inspection/phishing/score-lines.ts')
    const source = file === '-' ? process.stdin : createReadStream(file)
    try {
      for await (const text of scoreLines(source, { signal: input.signal }))
        if (!process.stdout.write(text)) await drained(process.stdout)
    } catch (cause) {
      if (isMissing(cause)) throw new Fault('not-found', { hint: `There is no file "${file}" to read.`, cause })
      if (isClosedPipe(cause)) return 0
      throw cause
    }
    return 0
  },
}

const codeOf = (cause: unknown) => (cause instanceof Error && 'code' in cause ? cause.code : undefined)
const isMissing = (cause: unknown) => ['ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR'].includes(String(codeOf(cause)))
/** The reader has seen enough: `| head`. */
const isClosedPipe = (cause: unknown) => codeOf(cause) === 'EPIPE'

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((done, fail) => {
    const finish = (error?: Error) => {
      stream.off('drain', finish)
      stream.off('error', finish)
      if (error) fail(error)
      else done()
    }
    stream.once('drain', finish)
    stream.once('error', finish)
  })
}
