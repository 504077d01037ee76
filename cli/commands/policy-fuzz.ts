// Compares the compiled policy engine with the official one on random decisions: for the nightly run, and for whoever
// does not take our word for it.
import { Fault } from '#core/fault.ts'
import type { Command } from '#cli/command.ts'
import { write, writeJson } from '#cli/output.ts'

export const policyFuzz: Command = {
  usage: 'policy fuzz',
  summary: 'compare random decisions with the official engine; exit code 1 when any differs',
  options: {
    count: { type: 'string', help: 'how many decisions (default 1000000)' },
    seed: { type: 'string', help: 'repeats a run; default: another one each time' },
    json: { type: 'boolean', help: 'write JSON for machines' },
  },
  positionals: [0, 0],
  async run(input) {
    const decisions = numberIn(input.text('count') ?? '1000000', 'count')
    const seed = numberIn(input.text('seed') ?? String(Date.now() % 2 ** 31), 'seed')
    const { runDifferential } = await import('#cedar/differential-run.ts')
    const report = runDifferential({ decisions, seed, signal: input.signal })
    if (input.isJson) writeJson(report)
    else {
      const { tally, counts, unused, difference } = report
      write(
        Object.entries(counts)
          .map(([name, count]) => `${name} ${count}`)
          .join(', '),
      )
      if (unused.length > 0) write(`NEVER USED: ${unused.join(', ')}`)
      if (difference !== null) write(`DIFFERENT: ${difference}`)
      const share = Math.round((100 * tally.allowed) / Math.max(1, tally.compared))
      write(
        `seed ${seed}: ${tally.compared} compared, ${share} % allowed, ${tally.withErrors} with errors, ` +
          `${difference === null ? 'none' : 'ONE'} different, in ${report.seconds} s`,
      )
    }
    return report.difference === null && report.unused.length === 0 ? 0 : 1
  },
}

function numberIn(text: string, name: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Fault('request-malformed', { hint: `--${name} takes a number.` })
  return Number(text)
}
