// Watches whether the apps of the slice answer, and says so when that changes. Must never run more checks at once than
// the cap, nor send anything to an app but the configured check.
import { request } from 'node:http'
import { asFault } from '#core/fault.ts'
import { parsePortRange } from '#core/names.ts'
import { caps } from './caps.ts'
import type { SliceApp } from './slice.ts'
import type { DialUpstream } from './upstream.ts'

export type AppHealth = { readonly appId: string; readonly healthy: boolean; readonly detail: string }

export type HealthDeps = {
  readonly dial: DialUpstream
  readonly random: () => number
  readonly onChange: () => void
}

type Watch = { app: SliceApp; timer: NodeJS.Timeout | undefined; state: AppHealth | undefined }

export class HealthWatch {
  readonly #deps: HealthDeps
  readonly #watches = new Map<string, Watch>()
  readonly #stop = new AbortController()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(deps: HealthDeps) {
    this.#deps = deps
  }

  /** Apps known to be well or ill; those not checked yet are left out. */
  report(): readonly AppHealth[] {
    return [...this.#watches.values()].flatMap(({ state }) => (state === undefined ? [] : [state]))
  }

  /** Watches exactly these apps from now on. */
  setApps(apps: Iterable<SliceApp>): void {
    const wanted = new Map<string, SliceApp>()
    for (const app of apps) if (app.enabled && app.health.kind !== 'none') wanted.set(app.id, app)
    for (const [id, watch] of this.#watches) {
      if (wanted.has(id)) continue
      clearTimeout(watch.timer)
      this.#watches.delete(id)
    }
    for (const app of wanted.values()) {
      const watch = this.#watches.get(app.id)
      if (watch !== undefined) watch.app = app
      else {
        const fresh: Watch = { app, timer: undefined, state: undefined }
        this.#watches.set(app.id, fresh)
        // The first check at once, spread over a second so that a large slice is not a burst.
        this.#schedule(fresh, this.#deps.random() * Math.min(1000, 10 * wanted.size))
      }
    }
  }

  close(): void {
    this.#stop.abort()
    for (const { timer } of this.#watches.values()) clearTimeout(timer)
    this.#watches.clear()
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #schedule(watch: Watch, delayMs: number): void {
    if (this.#stop.signal.aborted) return
    watch.timer = setTimeout(() => void this.#run(watch), delayMs).unref()
  }

  async #run(watch: Watch): Promise<void> {
    while (this.#running >= caps.healthChecks.default && !this.#stop.signal.aborted) {
      await new Promise<void>((wake) => this.#waiting.push(wake))
    }
    if (this.#stop.signal.aborted) return
    this.#running += 1
    const result = await checkApp(watch.app, this.#deps.dial, this.#stop.signal)
    this.#running -= 1
    this.#waiting.shift()?.()
    if (this.#stop.signal.aborted || this.#watches.get(watch.app.id) !== watch) return
    const before = watch.state
    watch.state = { appId: watch.app.id, ...result }
    if (before?.healthy !== result.healthy || before.detail !== result.detail) this.#deps.onChange()
    const { intervalSeconds } = watch.app.health
    const intervalMs = intervalSeconds === undefined ? caps.healthIntervalMs.default : intervalSeconds * 1000
    this.#schedule(watch, intervalMs * (0.8 + 0.4 * this.#deps.random()))
  }
}

/** One check. Never throws. */
export async function checkApp(
  app: SliceApp,
  dial: DialUpstream,
  stop: AbortSignal,
): Promise<{ readonly healthy: boolean; readonly detail: string }> {
  const port = healthPort(app)
  if (port === undefined) return { healthy: true, detail: 'no port to check' }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(caps.healthMs.default)])
  try {
    const socket = await dial(app, port, signal, caps.healthMs.default)
    socket.on('error', () => {})
    try {
      if (app.health.kind !== 'http') return { healthy: true, detail: 'accepts connections' }
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const query = request({
        createConnection: () => socket,
        path: app.health.path ?? '/',
        headers: { host: app.upstream.host, connection: 'close', 'user-agent': 'sallyport-health' },
        maxHeaderSize: caps.healthHeadBytes.default,
        signal,
      })
      query.on('response', (response) => resolve(response.statusCode ?? 0))
      query.on('error', reject)
      query.end()
      const status = await promise
      return { healthy: status < 500, detail: `answers with status ${status}` }
    } finally {
      socket.destroy()
    }
  } catch (error) {
    const { code } = asFault(error)
    return { healthy: false, detail: code === 'internal' ? 'does not speak HTTP' : code }
  }
}

function healthPort(app: SliceApp): number | undefined {
  if (app.upstream.port !== null) return app.upstream.port
  if (app.appKind === 'http') return app.upstream.tls === null ? 80 : 443
  const [first] = app.ports
  // A range says which ports may be asked for, not that something listens on its first.
  const range = first === undefined ? null : parsePortRange(first)
  return range !== null && range.first === range.last ? range.first : undefined
}
