// Inspection without an exchange: what is in this file or text. Reads local files only; must never print a value found.
import type { Command } from '#cli/command.ts'
import { write } from '#cli/output.ts'

export const inspectText: Command = {
  usage: 'inspect text FILE [--lines]',
  summary:
    'find sensitive values in a text ("-" for standard input) and print JSON; exit code 1 when a line is malformed',
  options: {
    lines: { type: 'boolean', help: 'the file holds one JSON string per line; one result per line is written' },
  },
  positionals: [1, 1],
  async run(input) {
    const { inspectLines, inspectTextStream, readText } = await import('#inspection/text/inspect-text.ts')
    const source = readText(input.words[0] ?? '-')
    if (!input.flag('lines')) {
      write(JSON.stringify(await inspectTextStream(source)))
      return 0
    }
    let malformed = 0
    for await (const result of inspectLines(source)) {
      if (input.signal.aborted) break
      if ('error' in result) malformed++
      // A slow reader of our output must not make us hold all of it.
      if (!process.stdout.write(`${JSON.stringify(result)}\n`))
        await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
    return malformed > 0 ? 1 : 0
  },
}
