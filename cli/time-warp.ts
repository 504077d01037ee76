// Time-warp: recorded days run through a copy of detection with an attack laid over them, much faster than they passed, and
// each act of the attack is put to the policy of now. Touches nothing: what is read are files and explanations.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Scenario, spanMs } from '#core/drill/scenario.ts'
import { Fault } from '#core/fault.ts'
import { budgetsFor } from '#intelligence/detection/thresholds.ts'
import { readLines } from '#intelligence/detection/lines.ts'
import { readLine } from '#intelligence/detection/observation.ts'
import { runDetection, type RunSummary } from '#intelligence/detection/run.ts'
import type { Story } from '#intelligence/detection/story.ts'

export type Warp = {
  readonly file: string
  readonly scenario: Scenario
  /** Whose place the attacker takes: a user of the recorded days; default the one with the most events. */
  readonly as: string | undefined
  readonly warmupMs: number
  /** What the policy of now says about this user and app; absent: all is allowed. */
  readonly decide?: (user: string, app: string) => Promise<boolean>
  readonly signal: AbortSignal
}

export type Warped = {
  readonly user: string
  readonly acts: readonly { readonly app: string; readonly isAllowed: boolean; readonly atMs: number }[]
  readonly stories: readonly Story[]
  readonly summary: RunSummary
  /** Recorded time over the time that it took. */
  readonly speed: number
}

const HOUR_MS = 3_600_000

/** Throws Fault `document-invalid` where the file has too little to lay an attack over. */
export async function timeWarp({ file, scenario, as, warmupMs, decide, signal }: Warp): Promise<Warped> {
  const found = await survey(file, as, signal)
  const acts: { app: string; isAllowed: boolean; atMs: number }[] = []
  let atMs = found.lastMs + HOUR_MS
  for (const { app, afterMs } of plan(scenario, found.apps)) {
    atMs += afterMs
    acts.push({ app, atMs, isAllowed: decide ? await decide(found.name, app) : true })
  }
  if (acts.length === 0) throw new Fault('document-invalid', { hint: 'The scenario has no hop, pull or usual step.' })
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-warp-'))
  try {
    const merged = join(folder, 'events.ndjson')
    const out = createWriteStream(merged)
    for await (const lines of readLines(file, signal))
      for (const text of lines) if (text !== null && text !== '' && !out.write(`${text}\n`)) await once(out, 'drain')
    for (const [at, act] of acts.entries()) out.write(`${JSON.stringify(eventOf(found, act, at))}\n`)
    out.end()
    await once(out, 'finish')
    const stories: Story[] = []
    const startedMs = performance.now()
    const summary = await runDetection(merged, {
      config: { warmupMs, budgets: budgetsFor(1), decoys: new Set() },
      labels: [{ startMs: acts[0]?.atMs ?? 0, endMs: atMs, user: found.user, name: scenario.drill }],
      tell: (story) => stories.push(story),
      signal,
    })
    const tookMs = performance.now() - startedMs
    return { user: found.user, acts, stories, summary, speed: (atMs - found.firstMs) / tookMs }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Survey = {
  readonly user: string
  readonly name: string
  readonly ip: string
  readonly groups: unknown
  readonly firstMs: number
  readonly lastMs: number
  /** Apps that the user never opened, those that most others use last. */
  readonly apps: readonly string[]
}

type Seen = { count: number; ip: string; name: string; groups: unknown; readonly apps: Set<string> }
const MAX_USERS = 200_000

async function survey(file: string, as: string | undefined, signal: AbortSignal): Promise<Survey> {
  const users = new Map<string, Seen>()
  const apps = new Map<string, number>()
  let [firstMs, lastMs] = [Infinity, -Infinity]
  for await (const lines of readLines(file, signal))
    for (const text of lines) {
      const observation = text === null || text === '' ? 'not-json' : readLine(text, '')
      if (typeof observation === 'string') continue
      const event = JSON.parse(text ?? '{}') as {
        actor?: { user?: { name?: unknown; groups?: unknown } }
        src_endpoint?: { ip?: unknown }
      }
      firstMs = Math.min(firstMs, observation.timeMs)
      lastMs = Math.max(lastMs, observation.timeMs)
      if (observation.app !== '') apps.set(observation.app, (apps.get(observation.app) ?? 0) + 1)
      if (!users.has(observation.user) && users.size >= MAX_USERS) continue
      const seen = users.getOrInsertComputed(observation.user, () => ({
        count: 0,
        ip: '',
        name: '',
        groups: undefined,
        apps: new Set<string>(),
      }))
      seen.count++
      if (observation.app !== '') seen.apps.add(observation.app)
      if (typeof event.src_endpoint?.ip === 'string') seen.ip = event.src_endpoint.ip
      if (typeof event.actor?.user?.name === 'string') seen.name = event.actor.user.name
      seen.groups ??= event.actor?.user?.groups
    }
  const busiest = [...users].toSorted(([, a], [, b]) => b.count - a.count)[0]?.[0]
  const user = as === undefined ? busiest : [...users.keys()].find((id) => id === as || users.get(id)?.name === as)
  const seen = user === undefined ? undefined : users.get(user)
  if (user === undefined || !seen)
    throw new Fault('document-invalid', {
      hint: as === undefined ? 'There is no user in it.' : `There is no user ${as} in it.`,
    })
  const unknown = [...apps].filter(([app]) => !seen.apps.has(app)).toSorted(([, a], [, b]) => a - b)
  return {
    user,
    name: seen.name === '' ? user : seen.name,
    ip: seen.ip === '' ? '198.51.100.1' : seen.ip,
    groups: seen.groups,
    firstMs,
    lastMs,
    apps: unknown.map(([app]) => app),
  }
}

/** The acts of the scenario with their pace; its apps become apps that the user never opened. */
function plan(scenario: Scenario, apps: readonly string[]): { readonly app: string; readonly afterMs: number }[] {
  const names = new Map<string, string>()
  const nameOf = (handle: string) => names.getOrInsertComputed(handle, () => apps[names.size] ?? `unknown-${handle}`)
  return scenario.steps.flatMap((step) => {
    if ('hop' in step) return step.hop.apps.map((app) => ({ app: nameOf(app), afterMs: spanMs(step.hop.pace.median) }))
    if ('pull' in step)
      return Array.from({ length: Math.min(step.pull.objects, 500) }, () => ({
        app: nameOf(step.pull.app),
        afterMs: step.pull.pace ? spanMs(step.pull.pace.median) : 100,
      }))
    return []
  })
}

function eventOf(
  { user, name, ip, groups }: Survey,
  { app, isAllowed, atMs }: { readonly app: string; readonly isAllowed: boolean; readonly atMs: number },
  at: number,
): object {
  return {
    class_uid: 3003,
    activity_id: 1,
    status_id: isAllowed ? 1 : 2,
    time: atMs,
    actor: { user: { uid: user, name, ...(groups !== undefined && { groups }) } },
    src_endpoint: { ip },
    dst_endpoint: { svc_name: app },
    app_name: app,
    metadata: { uid: `warp ${at}` },
  }
}
