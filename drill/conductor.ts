// Plays a drill and measures it: starts the canaries and their connector, acts as the scenario says, watches whether
// anybody notices, contains, and tries to get back in. Must never hold a right of its own: everything goes through the
// API as whoever started it, and through the doors as the drill's own people.
import { setTimeout as pause } from 'node:timers/promises'
import type { DrillProgress, DrillReport } from '#core/api/drill-routes.ts'
import { type Scenario, type ScenarioStep, spanMs } from '#core/drill/scenario.ts'
import { Fault } from '#core/fault.ts'
import { type AgentClient, type CanaryApp, hold, type Held, visit } from './actor.ts'
import { type Canary, startCanary } from './canary.ts'
import { caps } from './caps.ts'
import { judge } from './judge.ts'
import { nextPauseMs } from './pace.ts'
import type { Finding, PlayRecord, Receipts } from './play-record.ts'
import { probeUntilQuiet } from './probe.ts'
import { progressOf } from './progress.ts'

/** Before control ends it for being out of time, what was seen is reported. */
const LAST_WORDS_MS = 10_000

export type Started = {
  readonly drillId: string
  readonly connectorToken: string
  readonly actors: Readonly<Record<string, { readonly user: string; readonly userId: string }>>
  readonly apps: Readonly<Record<string, Omit<CanaryApp, 'handle'>>>
}

/** The control API, and what only the program that starts a drill can provide. */
export type ConductorDeps = {
  readonly start: (scenario: Scenario, ports: Readonly<Record<string, number>>) => Promise<Started>
  readonly openActor: (drillId: string, actor: string) => Promise<AgentClient>
  /** Enrols a connector beside the canaries and runs it. */
  readonly startConnector: (token: string) => Promise<{ readonly close: () => Promise<void> }>
  /** It is alive; now and then with what was seen until now. */
  readonly keep: (drillId: string, progress?: DrillProgress) => Promise<void>
  /** How many flows of this user are live, as the exchanges count them. */
  readonly liveFlowsOf: (userId: string) => Promise<number>
  readonly contain: (userId: string, reason: string, seconds: number) => Promise<Receipts>
  /** Findings since then about these users, by id. */
  readonly findings: (sinceMs: number, userIds: readonly string[]) => Promise<readonly Finding[]>
  /** What people have said to the injects of a tabletop. */
  readonly answers: (
    drillId: string,
  ) => Promise<readonly { readonly inject: number; readonly by: string; readonly text: string }[]>
  readonly finish: (drillId: string, report: DrillReport) => Promise<{ readonly restored: boolean }>
  readonly stop: (drillId: string) => Promise<void>
  readonly say: (text: string) => void
  readonly random: () => number
  readonly nowMs: () => number
}

export type Played = { readonly drillId: string; readonly report: DrillReport; readonly restored: boolean }

/** Throws Faults: `drill-unsafe` before anything is made; afterwards everything is undone first. */
export async function playDrill(scenario: Scenario, deps: ConductorDeps, signal: AbortSignal): Promise<Played> {
  await using opened = new AsyncDisposableStack()
  const canaries = new Map<string, Canary>()
  for (const [handle, { kind }] of Object.entries(scenario.apps)) {
    const canary = await startCanary(kind)
    opened.defer(canary.close)
    canaries.set(handle, canary)
  }
  const started = await deps.start(
    scenario,
    Object.fromEntries([...canaries].map(([handle, { port }]) => [handle, port])),
  )
  const over = new AbortController()
  const ended = AbortSignal.any([signal, over.signal, AbortSignal.timeout(spanMs(scenario.within) - LAST_WORDS_MS)])
  let isFinished = false
  opened.defer(async () => {
    over.abort()
    if (!isFinished)
      await deps
        .stop(started.drillId)
        .catch(() => deps.say('Control could not be told to stop; it undoes the drill within a minute.'))
  })
  const keep = (progress?: DrillProgress): Promise<void> =>
    deps.keep(started.drillId, progress).catch((error: unknown) => {
      // A drill that control has ended is over here too.
      if (error instanceof Fault && error.code === 'not-found') over.abort(new Fault('closing'))
    })
  const heartbeat = setInterval(() => void keep(), caps.heartbeatMs.default)
  opened.defer(() => clearInterval(heartbeat))
  if (scenario.level !== 'tabletop') {
    const connector = await deps.startConnector(started.connectorToken)
    opened.defer(connector.close)
  }
  const actors = new Map<string, AgentClient>()
  for (const actor of Object.keys(scenario.actors)) {
    const client = await deps.openActor(started.drillId, actor)
    opened.defer(client.close)
    actors.set(actor, client)
  }
  const apps = new Map(Object.entries(started.apps).map(([handle, app]) => [handle, { handle, ...app }]))
  await whenReady(scenario, actors, apps, ended)
  deps.say(`Drill ${started.drillId}: ${scenario.title}`)
  const play = new Play({ scenario, started, actors, apps, deps, ended, keep })
  try {
    await play.run()
    signal.throwIfAborted()
    // Control has ended it: there is nothing left to report to.
    over.signal.throwIfAborted()
  } finally {
    play.close()
  }
  const report = judge(scenario, play.record)
  // Undoing includes the connector: its canaries must be gone first.
  const { restored } = await deps.finish(started.drillId, report)
  isFinished = true
  return { drillId: started.drillId, report: withRestored(report, scenario, restored), restored }
}

/** The apps are in force everywhere when somebody who may can open one of them. */
async function whenReady(
  scenario: Scenario,
  actors: ReadonlyMap<string, AgentClient>,
  apps: ReadonlyMap<string, CanaryApp>,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + caps.readyMs.default
  for (const [handle, { open }] of Object.entries(scenario.apps)) {
    const client = actors.get(open[0] ?? '')
    const app = apps.get(handle)
    if (!client || !app) continue
    for (;;) {
      const tried = await visit(client, app, 1, signal)
      if (tried.kind === 'done') break
      if (signal.aborted || performance.now() > deadline)
        throw new Fault('upstream-unreachable', {
          hint: `The app ${app.name} of the drill cannot be reached (${tried.reason}).`,
        })
      await pause(200)
    }
  }
}

function withRestored(report: DrillReport, { expect }: Scenario, restored: boolean): DrillReport {
  if (!expect.some((each) => 'restored' in each)) return report
  const outcome = {
    expectation: 'Access is restored exactly',
    met: restored,
    measured: restored ? 'equal' : 'different',
  }
  return { ...report, outcomes: [...report.outcomes, outcome], verdict: restored ? report.verdict : 'failed' }
}

type PlayParts = {
  readonly scenario: Scenario
  readonly started: Started
  readonly actors: ReadonlyMap<string, AgentClient>
  readonly apps: ReadonlyMap<string, CanaryApp>
  readonly deps: ConductorDeps
  readonly ended: AbortSignal
  readonly keep: (progress: DrillProgress) => Promise<void>
}

class Play {
  readonly record: PlayRecord = {
    timeline: [],
    visits: [],
    injects: [],
    firstHostileMs: undefined,
    seen: new Map(),
    decided: [],
    contained: new Map(),
  }
  readonly #parts: PlayParts
  readonly #held = new Map<string, Held[]>()
  readonly #watch: NodeJS.Timeout
  readonly #startedMs: number
  readonly #board: NodeJS.Timeout
  #injects = 0
  #isTelling = false

  constructor(parts: PlayParts) {
    this.#parts = parts
    this.#startedMs = parts.deps.nowMs()
    this.#watch = setInterval(() => void this.#look(), caps.watchMs.default)
    this.#board = setInterval(() => void this.#tell(), caps.boardMs.default)
  }

  close(): void {
    clearInterval(this.#watch)
    clearInterval(this.#board)
    for (const held of this.#held.values()) for (const each of held) each.close()
  }

  async run(): Promise<void> {
    for (const step of this.#parts.scenario.steps) {
      if (this.#parts.ended.aborted) return this.#note('The time is up before the last step')
      await this.#play(step)
    }
    await this.#waitForExpectations()
  }

  async #play(step: ScenarioStep): Promise<void> {
    if ('usual' in step) return this.#usual(step.usual)
    if ('hop' in step) return this.#hop(step.hop)
    if ('pull' in step) return this.#pull(step.pull)
    if ('hold' in step) return this.#hold(step.hold)
    if ('contain' in step) return this.#contain(step.contain)
    if ('inject' in step) return this.#inject(step.inject)
    await this.#pause(spanMs(step.wait))
  }

  async #usual({ actor, visits, apps, pace }: Extract<ScenarioStep, { usual: unknown }>['usual']): Promise<void> {
    this.#note(`${this.#name(actor)} works as usual: ${visits} visits`)
    for (let count = 0; count < visits && !this.#parts.ended.aborted; count++) {
      await this.#visit(actor, apps[count % apps.length] ?? '', 2000, false)
      await this.#pause(nextPauseMs(pace, this.#parts.deps.random))
    }
  }

  async #hop({ actor, apps, pace }: Extract<ScenarioStep, { hop: unknown }>['hop']): Promise<void> {
    for (const app of apps) {
      if (this.#parts.ended.aborted || this.record.contained.has(actor)) return
      await this.#visit(actor, app, 2000, true)
      await this.#pause(nextPauseMs(pace, this.#parts.deps.random))
    }
  }

  async #pull({ actor, app, objects, bytes, pace }: Extract<ScenarioStep, { pull: unknown }>['pull']): Promise<void> {
    this.#note(`${this.#name(actor)} reads ${objects} objects of ${this.#parts.apps.get(app)?.name ?? app}`)
    for (let count = 0; count < objects && !this.#parts.ended.aborted; count++) {
      await this.#visit(actor, app, bytes, true)
      if (pace) await this.#pause(nextPauseMs(pace, this.#parts.deps.random))
    }
  }

  async #hold({ actor, apps }: Extract<ScenarioStep, { hold: unknown }>['hold']): Promise<void> {
    const client = this.#client(actor)
    for (const handle of apps) {
      const app = this.#parts.apps.get(handle)
      const held = app && (await hold(client, app, this.#parts.ended))
      if (held) this.#held.getOrInsertComputed(actor, () => []).push(held)
      this.#note(`${this.#name(actor)} ${held ? 'holds a flow to' : 'cannot hold a flow to'} ${app?.name ?? handle}`)
    }
  }

  async #contain({ actor, wait }: Extract<ScenarioStep, { contain: unknown }>['contain']): Promise<void> {
    const { started, deps, scenario, ended, apps } = this.#parts
    if (wait === 'seen') await this.#untilSeen(actor, this.#detectDeadlineMs(actor))
    const userId = started.actors[actor]?.userId ?? ''
    const ownFlows = await deps.liveFlowsOf(userId)
    const calledMs = performance.now()
    const decision: PlayRecord['decided'][number] = { atMs: deps.nowMs(), calledMs, effect: undefined }
    this.record.decided.push(decision)
    const effect = await deps.contain(
      userId,
      'Behaviour out of the ordinary',
      Math.ceil(spanMs(scenario.within) / 1000),
    )
    decision.effect = effect
    this.#note(
      `${this.#name(actor)} is contained: ${effect.receipts.length} of ${effect.receipts.length + effect.missing.length} exchanges answered`,
    )
    const held = this.#held.get(actor) ?? []
    const residual = await probeUntilQuiet(this.#client(actor), [...apps.values()], held, ended)
    this.record.contained.set(actor, {
      lastByteMs: held.map((each) => Math.max(0, each.lastByteMs() - calledMs)),
      residual,
      effect,
      ownFlows,
    })
    this.#note(residual.length === 0 ? 'Every way back in is shut' : `Ways back in: ${residual.join(', ')}`)
  }

  /** Said to people; where it wants an answer, the clock runs until there is one. */
  async #inject({ to, text, answerWithin }: Extract<ScenarioStep, { inject: unknown }>['inject']): Promise<void> {
    const { deps, started, ended } = this.#parts
    const inject = this.#injects++
    this.#note(`To ${to}: ${text}`)
    if (answerWithin === undefined) return
    const askedMs = deps.nowMs()
    const untilMs = askedMs + spanMs(answerWithin)
    this.#note(`Inject ${inject} wants an answer within ${answerWithin}`)
    for (;;) {
      const answer = (await deps.answers(started.drillId).catch(() => [])).find((each) => each.inject === inject)
      const ms = deps.nowMs() - askedMs
      if (answer) {
        this.#note(`${answer.by}: ${answer.text}`)
        this.record.injects.push({ to, text, within: answerWithin, answeredMs: ms })
        return
      }
      if (deps.nowMs() >= untilMs || ended.aborted) {
        this.#note(`Nobody answered inject ${inject} in time`)
        this.record.injects.push({ to, text, within: answerWithin, answeredMs: null })
        return
      }
      await this.#pause(caps.watchMs.default)
    }
  }

  async #visit(actor: string, handle: string, bytes: number, hostile: boolean): Promise<void> {
    const app = this.#parts.apps.get(handle)
    if (!app) return
    const atMs = this.#parts.deps.nowMs()
    if (hostile) this.record.firstHostileMs ??= atMs
    const result = await visit(this.#client(actor), app, bytes, this.#parts.ended)
    const reason = result.kind === 'done' ? '' : result.reason
    this.record.visits.push({ actor, app: handle, done: result.kind === 'done', reason, atMs, hostile })
    if (hostile)
      this.#note(
        `${this.#name(actor)} ${result.kind === 'done' ? 'opens' : 'is refused at'} ${app.name}${reason === '' ? '' : ` (${reason})`}`,
      )
  }

  /** After the last step, what is still expected gets its time. */
  async #waitForExpectations(): Promise<void> {
    for (const expected of this.#parts.scenario.expect)
      if ('detect' in expected)
        await this.#untilSeen(expected.detect.actor, this.#detectDeadlineMs(expected.detect.actor))
    await this.#look()
  }

  async #untilSeen(actor: string, deadlineMs: number): Promise<void> {
    while (!this.record.seen.has(actor) && this.#parts.deps.nowMs() < deadlineMs && !this.#parts.ended.aborted)
      await this.#pause(caps.watchMs.default)
  }

  #detectDeadlineMs(actor: string): number {
    const from = this.record.firstHostileMs ?? this.#startedMs
    const spans = this.#parts.scenario.expect.flatMap((each) =>
      'detect' in each && each.detect.actor === actor ? [spanMs(each.detect.within)] : [],
    )
    return from + Math.max(0, ...spans)
  }

  async #look(): Promise<void> {
    const { deps, started } = this.#parts
    const ids = Object.values(started.actors).map(({ userId }) => userId)
    const findings = await deps.findings(this.#startedMs, ids).catch(() => [])
    for (const finding of findings) {
      const actor = Object.entries(started.actors).find(([, { userId }]) => userId === finding.subject)?.[0]
      if (actor === undefined || this.record.seen.has(actor)) continue
      this.record.seen.set(actor, finding)
      this.#note(`Noticed: ${finding.sentence}`)
    }
  }

  /** One at a time: a slow control is told less often. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return
    this.#isTelling = true
    const { keep, apps } = this.#parts
    const held = [...this.#held.values()].flat()
    await keep(progressOf(this.record, held, (handle) => apps.get(handle)?.name ?? handle))
    this.#isTelling = false
  }

  #client(actor: string): AgentClient {
    const client = this.#parts.actors.get(actor)
    if (!client) throw new Fault('document-invalid', { hint: `There is no actor ${actor}.` })
    return client
  }

  #name(actor: string): string {
    return this.#parts.started.actors[actor]?.user ?? actor
  }

  #note(text: string): void {
    this.#parts.deps.say(text)
    if (this.record.timeline.length < caps.timeline.default)
      this.record.timeline.push({ atMs: Math.round(this.#parts.deps.nowMs()), text: text.slice(0, 500) })
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#parts.ended }).catch(() => {})
  }
}
