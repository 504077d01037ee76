// `npm run bench [-- [--quick] NAME…]`: measures, prints one table and writes results.json beside this file. Loopback
// only; stops by itself.
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { setFlags } from './flags.ts'
import type { Options, Part, Row } from './row.ts'
import { formatTable } from './table.ts'

const parts: Readonly<Record<string, () => Promise<Part>>> = {
  idle: async () => (await import('./idle.ts')).measureIdle,
  policy: async () => (await import('./policy.ts')).measurePolicy,
  'what-if': async () => (await import('./what-if.ts')).measureWhatIf,
  journal: async () => (await import('./journal.ts')).measureJournal,
  inspection: async () => (await import('./inspection.ts')).measureInspection,
  lake: async () => (await import('./lake.ts')).measureLake,
  flows: async () => (await import('./flows.ts')).measureFlows,
  bulk: async () => (await import('./bulk.ts')).measureBulk,
  browser: async () => (await import('./browser.ts')).measureBrowser,
  revoke: async () => (await import('./revoke.ts')).measureRevoke,
  console: async () => (await import('./console.ts')).measureConsole,
  detection: async () => (await import('./detection.ts')).measureDetection,
  outbound: async () => (await import('./outbound.ts')).measureOutbound,
  categories: async () => (await import('./categories.ts')).measureCategories,
  phishing: async () => (await import('./phishing.ts')).measurePhishing,
}

const load = () => loadavg()[0]?.toFixed(1) ?? '?'
const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`

async function main(args: readonly string[]): Promise<number> {
  const isQuick = args.includes('--quick')
  const wanted = args.filter((arg) => arg !== '--quick')
  const unknown = wanted.find((name) => !Object.hasOwn(parts, name))
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no part "${unknown}"; there are ${Object.keys(parts).join(', ')}.\n`)
    return 2
  }
  setFlags()
  const say = (text: string) => void process.stderr.write(`bench: ${text}\n`)
  const options: Options = { isQuick, say }
  const rows: Row[] = []
  const loadBefore = load()
  // After each part: a bench that is stopped keeps what it has measured.
  const keep = () => {
    const results = rows.map((row) => ({ ...row, machine, loadBefore: Number(loadBefore), isQuick }))
    writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(results, null, 1)}\n`)
  }
  let isBroken = false
  for (const [name, loadPart] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue
    say(`${name} …`)
    try {
      rows.push(...(await (await loadPart())(options)))
      keep()
    } catch (error) {
      // One part that cannot run must not hide the others' figures, nor pass for done.
      isBroken = true
      say(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
  }
  process.stdout.write(
    `\n${machine}; load of the machine ${loadBefore} before, ${load()} after\n\n${formatTable(rows)}\n`,
  )
  const worse = rows.filter(({ met }) => met === false)
  process.stdout.write(`\n${rows.length} figures, ${worse.length} worse than their goals.\n`)
  return isBroken ? 1 : 0
}

process.exit(await main(process.argv.slice(2)))
