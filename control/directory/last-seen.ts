// When sessions, devices, connectors and exchanges were last seen: gathered in memory, written once a minute. Must never
// be what a decision rests on, nor cost a write for every request.
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { inParts, type TenantStore } from '#control/store/store.ts'

export type SeenKind = 'session' | 'device' | 'connector'

export class LastSeen {
  readonly #context: ControlContext
  /** Tenant → kind → id → when. */
  readonly #seen = new Map<string, Map<SeenKind, Map<string, number>>>()
  #size = 0

  constructor(context: ControlContext) {
    this.#context = context
  }

  /** `atMs` by another's clock is never believed to be later than now. False: there is no room until the next round. */
  saw(tenantId: string, kind: SeenKind, id: string, atMs: number = this.#context.nowMs()): boolean {
    const ids = this.#seen.getOrInsertComputed(tenantId, () => new Map()).getOrInsertComputed(kind, () => new Map())
    const before = ids.get(id)
    // What does not fit is seen again.
    if (before === undefined && this.#size >= caps.lastSeen.default) return false
    if (before === undefined) this.#size++
    ids.set(id, Math.max(before ?? 0, Math.min(atMs, this.#context.nowMs())))
    return true
  }

  /** An event that an exchange wrote about somebody's use. */
  sawIn(tenantId: string, event: Readonly<Record<string, unknown>>): void {
    const atMs = typeof event['time'] === 'number' ? event['time'] : 0
    const sessionId = uidOf(field(event['actor'], 'session'))
    const deviceId = uidOf(event['device'])
    if (sessionId !== undefined) this.saw(tenantId, 'session', sessionId, atMs)
    if (deviceId !== undefined) this.saw(tenantId, 'device', deviceId, atMs)
  }

  async flush(): Promise<void> {
    for (const [tenantId, kinds] of this.#seen) {
      this.#seen.delete(tenantId)
      const handle = this.#context.store.forTenant(tenantId)
      for (const [kind, ids] of kinds) {
        this.#size -= ids.size
        // Those seen within the same minute share one statement: a time to the second is more than anybody asks.
        const byMinute = Map.groupBy(ids, ([, atMs]) => Math.floor(atMs / 60_000))
        for (const group of byMinute.values()) {
          const atMs = group.reduce((latest, [, each]) => Math.max(latest, each), 0)
          for (const part of inParts(group.map(([id]) => id))) await write(handle, kind, part, atMs)
        }
      }
    }
  }
}

/** Only later than before, and never for what has ended: an old event that arrives late changes nothing. */
async function write(handle: TenantStore, kind: SeenKind, ids: readonly string[], atMs: number): Promise<void> {
  switch (kind) {
    case 'session':
      await handle
        .updateTable('sessions')
        .set({ lastSeenAtMs: atMs })
        .where('sessions.id', 'in', ids)
        .where('sessions.endedAtMs', 'is', null)
        .where('sessions.lastSeenAtMs', '<', atMs)
        .execute()
      return
    case 'device':
      await handle
        .updateTable('devices')
        .set({ lastSeenAtMs: atMs })
        .where('devices.id', 'in', ids)
        .where((eb) => eb.or([eb('devices.lastSeenAtMs', 'is', null), eb('devices.lastSeenAtMs', '<', atMs)]))
        .execute()
      return
    case 'connector':
      await handle
        .updateTable('connectors')
        .set({ lastSeenAtMs: atMs })
        .where('connectors.id', 'in', ids)
        .where((eb) => eb.or([eb('connectors.lastSeenAtMs', 'is', null), eb('connectors.lastSeenAtMs', '<', atMs)]))
        .execute()
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function uidOf(value: unknown): string | undefined {
  const uid = field(value, 'uid')
  return typeof uid === 'string' && uid.length <= 64 ? uid : undefined
}

/** Writes what was seen once a minute, and marks those that are connected. */
export function startLastSeen(
  context: ControlContext,
  seen: LastSeen,
  everyMs: number,
): { readonly round: () => Promise<void>; readonly stop: () => Promise<void> } {
  let running: Promise<void> = Promise.resolve()
  const round = async () => {
    await context.links.feed?.sawConnected(seen)
    await seen.flush()
  }
  const tick = () => {
    running = running.then(round).catch((error: unknown) => {
      context.log('last seen not written', { error: String(error) })
    })
    return running
  }
  const timer = setInterval(() => void tick(), everyMs)
  timer.unref()
  return {
    round,
    stop: async () => {
      clearInterval(timer)
      await tick()
    },
  }
}
