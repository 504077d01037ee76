// The chaos run: load on every way in, parts killed without warning and started again, then the reckoning. Must never
// repair anything itself: whoever is killed comes back from its own folder.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApps } from './apps.ts'
import { seededChance } from './chance.ts'
import { createChanger } from './changes.ts'
import { checkEvents, checkJournals, checkState } from './check.ts'
import { checkWithoutControl } from './without-control.ts'
import { install } from './install.ts'
import { Ledger, ways, type Way } from './ledger.ts'
import type { Part } from './part.ts'
import { createTraffic } from './traffic.ts'

export type ChaosOptions = {
  readonly seed: number
  readonly kills: number
  /** How long the kills should take together; whoever is late waits less between them. */
  readonly paceMs: number
  readonly log?: (line: string) => void
}

export type ChaosReport = {
  /** At random times, of all parts together. */
  readonly kills: number
  readonly killsOf: Readonly<Record<string, number>>
  /** Everything that must not be. Empty: the proof. */
  readonly wrong: readonly string[]
  readonly failures: readonly (readonly [string, number])[]
  readonly summary: string
  readonly outputs: Readonly<Record<string, string>>
}

/** Generous: the slowest back-off of a part is 30 s. */
const COMES_BACK_MS = 90_000
const POLL_MS = 25
const mostMiB = { control: 500, exchange: 500, connector: 400, agent: 400 } as const
/** Ways that are asked many times a second: what recovery is measured by. */
const quick: readonly Way[] = ['api', 'agent', 'browser', 'sealed']

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, log = () => {} } = options
  const chance = seededChance(seed)
  const ledger = new Ledger()
  const wrong: string[] = []
  await using opened = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-chaos-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const apps = opened.use(await startApps())
  const world = await install(folder, apps)
  const parts = Object.values(world.parts)
  const stopParts = async () => {
    for (const name of ['agent', 'connector', 'exchange', 'control'] as const) await world.parts[name].stop()
  }
  opened.defer(stopParts)
  log(`installed; seed ${seed}`)

  let isOver = false
  const traffic = createTraffic(world, ledger, seededChance(seed + 1))
  const workers = [
    ...['a', 'b'].map((name, at) => work(createChanger(name, world, ledger, seededChance(seed + 2 + at)), 120)),
    ...[traffic.throughAgent, traffic.throughAgent].map((each) => work(each, 60)),
    ...[traffic.throughBrowser, traffic.throughBrowser].map((each) => work(each, 60)),
    ...[traffic.sealed, traffic.sealed].map((each) => work(each, 80)),
    work(traffic.signIn, 1500),
    work(traffic.signOut, 6000),
  ]
  const watch = setInterval(() => parts.forEach((part) => part.measure()), 250)
  opened.defer(() => clearInterval(watch))

  async function work(step: () => Promise<unknown>, pauseMs: number): Promise<void> {
    while (!isOver) {
      await step()
      await pause(pauseMs)
    }
  }

  async function comesBack(sinceMs: number, on: readonly Way[]): Promise<void> {
    const end = Date.now() + COMES_BACK_MS
    while (!ledger.hasWorkedSince(sinceMs, on)) {
      if (Date.now() > end)
        throw new Error(`not back after ${COMES_BACK_MS} ms: ${ledger.stuckSince(sinceMs, on).join(', ')}`)
      await pause(POLL_MS)
    }
  }

  const recoveriesMs: number[] = []
  const startsUnderWay = new Set<Promise<void>>()
  let kills = 0
  const startedAtMs = Date.now()
  try {
    await comesBack(startedAtMs, ways)
    while (kills < options.kills) {
      const part = chance.pick(parts as [Part, ...Part[]])
      if (!part.isUp) {
        await pause(POLL_MS)
        continue
      }
      await part.kill()
      kills++
      const awayMs = chance.next() < 0.5 ? chance.between(0, 100) : chance.between(100, 1500)
      const starting = pause(awayMs).then(() => part.start())
      startsUnderWay.add(starting)
      void starting.then(() => startsUnderWay.delete(starting))
      const isEarly = kills / options.kills >= (Date.now() - startedAtMs) / options.paceMs
      if (chance.next() < 0.6 && isEarly) {
        // Let it come back, then some time of peace.
        await Promise.all(startsUnderWay)
        const sinceMs = Date.now()
        await comesBack(sinceMs, quick)
        recoveriesMs.push(Date.now() - sinceMs)
        await pause(chance.between(0, 600))
      } else {
        // The next blow falls while this one is being repaired.
        await pause(chance.between(50, isEarly ? 1500 : 1000))
      }
      if (kills % 10 === 0) log(`${kills} kills, ${Math.round((Date.now() - startedAtMs) / 1000)} s`)
    }
    await Promise.all(startsUnderWay)
    await comesBack(Date.now(), ways)
  } catch (error) {
    wrong.push(error instanceof Error ? error.message : String(error))
  } finally {
    isOver = true
    await Promise.all([...workers, ...startsUnderWay])
  }

  log('settled; checking')
  let events = 0
  let journal = { chains: 0, records: 0, tornFiles: 0 }
  try {
    wrong.push(...(await checkWithoutControl(world, ledger, traffic)))
    wrong.push(...(await checkState(world, ledger)))
    const known = await checkEvents(world, ledger, apps.arrived)
    events = known.events
    wrong.push(...known.wrong)
    await stopParts()
    const verified = await checkJournals(world)
    journal = verified
    wrong.push(...verified.wrong)
  } catch (error) {
    wrong.push(`the check failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  for (const part of parts) {
    if (part.falls > 0) wrong.push(`${part.name} gave up by itself ${part.falls} times`)
    if (part.mostResidentMiB > mostMiB[part.name]) wrong.push(`${part.name} took ${part.mostResidentMiB} MiB`)
  }
  for (const [what, times] of ledger.surprises) wrong.push(`${what} (${times} times)`)

  const byPart = Object.fromEntries(parts.map(({ name, kills: times }) => [name, times]))
  const sorted = recoveriesMs.toSorted((a, b) => a - b)
  const list = (values: Iterable<readonly [string, unknown]>) =>
    [...values].map(([name, n]) => `${name} ${n}`).join(' ')
  const summary = [
    `chaos: seed ${seed}, ${kills} kills (${list(Object.entries(byPart))}) in ${Math.round((Date.now() - startedAtMs) / 1000)} s`,
    `ok (${list(ledger.succeeded)})`,
    `failed meanwhile (${list(ledger.failed)})`,
    `${ledger.acts.length} acknowledged acts, ${ledger.sessions.size} sessions`,
    `back after median ${sorted[Math.floor(sorted.length / 2)] ?? 0} ms, at most ${sorted.at(-1) ?? 0} ms (${sorted.length} measured)`,
    `${events} events, ${journal.records} records in ${journal.chains} chains verified, ${journal.tornFiles} torn ends cut`,
    `memory MiB (${list(parts.map(({ name, mostResidentMiB }) => [name, mostResidentMiB] as const))})`,
    `${wrong.length} violations`,
  ].join('; ')
  return {
    kills,
    killsOf: byPart,
    wrong,
    failures: [
      ...[...ledger.failures].toSorted(([, a], [, b]) => b - a),
      ...[...world.parts.agent.refusals].map(([reason, times]) => [`the agent said ${reason}`, times] as const),
    ],
    summary,
    outputs: Object.fromEntries(parts.map(({ name, output }) => [name, output])),
  }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
