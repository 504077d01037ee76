// The live stream of a tenant: one look a second and one reading of the journal, shared by everybody who watches, for as
// long as somebody does. Must never queue for a watcher that does not read: it gets the newest look, and is told how many
// events it missed.
import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '#core/fault.ts'
import type { LiveLook } from '#core/api/live-routes.ts'
import type { ReplyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { namesOf } from './directory-names.ts'
import { pictureOf } from './picture.ts'

type Message = ReplyOf<(typeof routes)['followNow']>
type Stored = Extract<Message, { kind: 'events' }>['items'][number]
type Watcher = { look: LiveLook | undefined; events: Stored[]; skipped: number; wake: () => void; isOver: boolean }
type LiveDeps = Pick<ControlContext, 'links' | 'mirrors' | 'journal' | 'nowMs' | 'log'>

class Lane {
  readonly watchers = new Set<Watcher>()
  readonly end = new AbortController()
  #last: LiveLook | undefined

  constructor(tenantId: string, deps: LiveDeps) {
    const failed = (why: string) => (error: unknown) => {
      if (this.end.signal.aborted) return
      deps.log('live stream ended', { tenantId, why, error: String(error) })
      this.end.abort()
      for (const watcher of this.watchers) {
        watcher.isOver = true
        watcher.wake()
      }
    }
    this.#look(tenantId, deps).catch(failed('looks'))
    this.#read(tenantId, deps).catch(failed('events'))
  }

  add(): Watcher {
    const watcher: Watcher = { look: this.#last, events: [], skipped: 0, wake: () => undefined, isOver: false }
    this.watchers.add(watcher)
    return watcher
  }

  async #look(tenantId: string, deps: LiveDeps): Promise<void> {
    let beforeMs = deps.nowMs()
    while (!this.end.signal.aborted) {
      const atMs = deps.nowMs()
      const look = await lookAt(tenantId, deps, (atMs - beforeMs) / 1000)
      beforeMs = atMs
      this.#last = look
      for (const watcher of this.watchers) {
        watcher.look = look
        watcher.wake()
      }
      await wait(caps.liveEveryMs.default, undefined, { signal: this.end.signal, ref: false })
    }
  }

  async #read(tenantId: string, deps: LiveDeps): Promise<void> {
    for await (const { cursor, writer, event } of deps.journal.follow(tenantId, undefined, this.end.signal)) {
      for (const watcher of this.watchers) {
        if (watcher.events.length < caps.liveEventBatch.default)
          watcher.events.push({ cursor, writer, event: { ...event } })
        else watcher.skipped++
        watcher.wake()
      }
    }
  }
}

async function lookAt(tenantId: string, deps: LiveDeps, seconds: number): Promise<LiveLook> {
  const { feed } = deps.links
  const mirror = await deps.mirrors.current(tenantId)
  const { sums, total, answered, missing } = (await feed?.sumFlows(tenantId, caps.flowsMs.default)) ?? {
    sums: [],
    total: 0,
    answered: 0,
    missing: [],
  }
  const { picture, people, apps, bytesIn, bytesOut } = pictureOf(sums, seconds, namesOf(mirror), {
    names: caps.liveNames.default,
  })
  const rate = (bytes: number) => (seconds > 0 ? bytes / seconds : 0)
  const connectors = [...mirror.all('connector')].filter(({ status }) => status === 'active')
  const links = feed?.connectorsOf(tenantId) ?? []
  const up = new Set(links.map(({ connectorId }) => connectorId))
  const upGroups = new Set(connectors.filter(({ id }) => up.has(id)).map(({ groupId }) => groupId))
  const away = new Set(connectors.map(({ groupId }) => groupId).filter((id) => !upGroups.has(id)))
  const named = (kind: 'connectorGroup' | 'app', ids: Iterable<string>) =>
    [...new Set(ids)].map((id) => mirror.get(kind, id)?.name ?? id).slice(0, 50)
  return {
    kind: 'look',
    atMs: deps.nowMs(),
    flows: total,
    people,
    apps,
    toAppsPerSecond: rate(bytesIn),
    fromAppsPerSecond: rate(bytesOut),
    picture,
    health: {
      exchanges: answered,
      missing: missing.slice(0, 1000),
      connectors: connectors.length,
      connectorsUp: connectors.filter(({ id }) => up.has(id)).length,
      groupsAway: named('connectorGroup', away),
      appsUnhealthy: named(
        'app',
        links.flatMap(({ unhealthyApps }) => unhealthyApps.map(({ appId }) => appId)),
      ),
    },
  }
}

const lanes = new WeakMap<LiveDeps['links'], Map<string, Lane>>()

/** Throws Fault `at-capacity` when too many watch already. */
export function followNow(tenantId: string, deps: LiveDeps, signal: AbortSignal): AsyncIterable<Message> {
  const of = lanes.getOrInsertComputed(deps.links, () => new Map<string, Lane>())
  if ((of.get(tenantId)?.watchers.size ?? 0) >= caps.liveStreams.default) throw new Fault('at-capacity')
  return (async function* () {
    let lane = of.get(tenantId)
    if (lane === undefined || lane.end.signal.aborted) of.set(tenantId, (lane = new Lane(tenantId, deps)))
    const watcher = lane.add()
    try {
      yield* messagesFor(watcher, signal)
    } finally {
      lane.watchers.delete(watcher)
      if (lane.watchers.size === 0) {
        lane.end.abort()
        if (of.get(tenantId) === lane) of.delete(tenantId)
      }
    }
  })()
}

async function* messagesFor(watcher: Watcher, signal: AbortSignal): AsyncGenerator<Message> {
  const onAbort = () => watcher.wake()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    while (!signal.aborted && !watcher.isOver) {
      const { look, events, skipped } = watcher
      if (look !== undefined) {
        watcher.look = undefined
        yield look
      } else if (events.length > 0) {
        watcher.events = []
        watcher.skipped = 0
        yield { kind: 'events', items: events, skipped }
        await wait(caps.liveBatchMs.default, undefined, { signal, ref: false }).catch(() => undefined)
      } else {
        const { promise, resolve } = Promise.withResolvers<void>()
        watcher.wake = resolve
        // Something may have come between the look above and now.
        if (watcher.look === undefined && watcher.events.length === 0 && !signal.aborted && !watcher.isOver)
          await promise
      }
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
