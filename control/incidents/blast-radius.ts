// The blast radius of a person: what they could reach by policy, what they did reach, and what they can reach now. Errs on
// one side: what policy might permit counts as reachable.
import type { BlastRadius } from '#core/api/incident-routes.ts'
import { Fault } from '#core/fault.ts'
import { anyCircumstances, reachOf } from '#core/policy/reach.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { decideFor, rulesOfMirror } from '#control/directory/decide-for.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import { factsOfEvent, isAccess, type EventFacts } from './event-facts.ts'

const DAY_MS = 86_400_000
const DEFAULT_DAYS = 7
const HOSTS_SHOWN = 100

/** What stands before policy: nothing about a session or device can change it. */
const walls: ReadonlySet<string> = new Set([
  'tenant-suspended',
  'user-disabled',
  'contained',
  'outside-contract',
  'app-not-in-contract',
  'app-disabled',
])

/** `name`: name or id. Throws Fault `not-found`. */
export async function blastRadiusOf(
  tenantId: string,
  name: string,
  from: string | undefined,
  context: ControlContext,
): Promise<BlastRadius> {
  const mirror = await context.mirrors.current(tenantId)
  const user = mirror.get('user', name) ?? mirror.byName('user', name)
  if (!user) throw new Fault('not-found')
  const nowMs = context.nowMs()
  const fromMs = Math.max(
    from === undefined ? nowMs - DEFAULT_DAYS * DAY_MS : Date.parse(from),
    nowMs - caps.incidentDays.default * DAY_MS,
  )
  const page = await context.journal.list(tenantId, {
    limit: caps.incidentLook.default,
    fields: { 'actor.user.uid': user.id },
    fromMs,
  })
  const events = page.items.map(({ event }) => factsOfEvent(event))
  const flows = await context.links.feed?.listFlows(tenantId, 2000, caps.flowsMs.default)
  const apps = appsOf(user, events, mirror, nowMs)
  return {
    user: user.name,
    userId: user.id,
    from: new Date(fromMs).toISOString(),
    until: new Date(nowMs).toISOString(),
    could: apps.filter(({ could }) => could).length,
    did: apps.filter(({ allowed }) => allowed > 0).length,
    now: apps.filter((app) => app.now).length,
    liveSessions: [...mirror.all('session')].filter(
      ({ userId, expiresAtMs }) => userId === user.id && expiresAtMs > nowMs,
    ).length,
    liveFlows: (flows?.items ?? []).filter(({ userId }) => userId === user.id).length,
    missing: [...(flows?.missing ?? [])],
    apps,
    hosts: hostsOf(events),
    isPartial: page.next !== null,
  }
}

type User = NonNullable<ReturnType<TenantMirror['get']>> & { readonly kind: 'user' }

function appsOf(
  user: Extract<User, { kind: 'user' }>,
  events: readonly EventFacts[],
  mirror: TenantMirror,
  nowMs: number,
): BlastRadius['apps'] {
  const reach = reachOf(rulesOfMirror(mirror), [{ kind: 'user', name: user.name }], anyCircumstances, nowMs)
  const used = new Map<string, EventFacts[]>()
  for (const facts of events) if (facts.app) used.getOrInsertComputed(facts.app.id, () => []).push(facts)
  const found = [...mirror.all('app')].map((app) => {
    const own = used.get(app.id) ?? []
    used.delete(app.id)
    const could = reach.get(app.name)?.has(0) === true
    const decision = decideFor(mirror, {
      user,
      app,
      door: 'agent',
      factors: [],
      ageSeconds: 0,
      device: null,
      ip: '0.0.0.0',
      atMs: nowMs,
      http: { method: 'GET', path: '/', host: app.browserHost ?? app.name },
    })
    const stopped = decision.kind === 'deny' && walls.has(decision.reason) ? decision.reason : null
    return { app: app.name, could, now: could && stopped === null, stopped, ...countsOf(own) }
  })
  // Apps that are gone since: they were reached all the same.
  const gone = [...used.values()].map((own) => ({
    app: own[0]?.app?.name ?? '',
    could: false,
    now: false,
    stopped: 'app-disabled',
    ...countsOf(own),
  }))
  return [...found, ...gone]
    .filter(({ could, allowed, refused }) => could || allowed + refused > 0)
    .toSorted((a, b) => b.allowed - a.allowed || Number(b.could) - Number(a.could) || (a.app < b.app ? -1 : 1))
}

function countsOf(events: readonly EventFacts[]) {
  const accesses = events.filter(isAccess)
  const times = accesses.map(({ atMs }) => atMs)
  const sum = (of: (facts: EventFacts) => number) => events.reduce((total, facts) => total + of(facts), 0)
  return {
    allowed: accesses.filter(({ isRefused }) => !isRefused).length,
    refused: accesses.filter(({ isRefused }) => isRefused).length,
    bytesIn: sum(({ bytesIn }) => bytesIn),
    bytesOut: sum(({ bytesOut }) => bytesOut),
    firstAt: times.length === 0 ? null : new Date(Math.min(...times)).toISOString(),
    lastAt: times.length === 0 ? null : new Date(Math.max(...times)).toISOString(),
  }
}

function hostsOf(events: readonly EventFacts[]): BlastRadius['hosts'] {
  const hosts = new Map<string, EventFacts[]>()
  for (const facts of events)
    if (facts.app === null && facts.host !== null) hosts.getOrInsertComputed(facts.host, () => []).push(facts)
  return [...hosts]
    .map(([host, own]) => {
      const { allowed, refused, bytesOut } = countsOf(own)
      return { host, allowed, refused, bytesOut }
    })
    .toSorted((a, b) => b.allowed + b.refused - (a.allowed + a.refused))
    .slice(0, HOSTS_SHOWN)
}
