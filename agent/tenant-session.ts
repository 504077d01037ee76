// One tenant that the person is signed in to: its exchanges, names, certificate, and the flows opened through it. Must
// never open a flow through another tenant's exchanges.
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import { WHOAMI_PATH, whoami as whoamiSchema, type Whoami } from '#core/wire/flow.ts'
import { startBackoff } from '#transport/backoff.ts'
import { relay, type Relay } from '#transport/relay.ts'
import { caps } from './caps.ts'
import { Exchanges } from './exchanges.ts'
import { openFlow, type OpenedFlow } from './open-flow.ts'
import type { Profile } from './profile.ts'

export type TenantState = 'connecting' | 'connected' | 'contained' | 'signed-out' | 'unreachable'

export type TenantDeps = {
  readonly stateFolder: string
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly nowMs: () => number
  readonly random: () => number
  readonly onNames: () => void
}

const MAX_TIMER_MS = 3_600_000

export class TenantSession {
  readonly #deps: TenantDeps
  readonly #exchanges: Exchanges
  readonly #stop = new AbortController()
  readonly #relays = new Set<Relay>()
  readonly #backoff
  #profile: Profile
  #whoami: Whoami | undefined
  #state: TenantState = 'connecting'
  #reason: string | undefined
  #timer: NodeJS.Timeout | undefined
  #renewNotBeforeMs = 0
  #refreshing: Promise<void> | undefined
  #opening = 0
  #onIdle: (() => void) | undefined

  constructor(profile: Profile, deps: TenantDeps) {
    this.#profile = profile
    this.#deps = deps
    this.#exchanges = new Exchanges(profile, deps)
    const config = { baseMs: caps.reconnectFirstMs.default, maxMs: caps.reconnectMaxMs.default }
    this.#backoff = startBackoff(config, deps.random)
  }

  get name(): string {
    return this.#profile.name
  }

  get apps(): Whoami['apps'] {
    return this.#whoami?.apps ?? []
  }

  /** Set: the internet goes through this tenant's exchanges, but for these names. */
  get web(): Whoami['web'] {
    return this.#whoami?.web
  }

  get status() {
    const { user, domain, deviceId } = this.#profile.signedIn
    return {
      tenant: this.name,
      domain,
      user,
      deviceId,
      state: this.#state,
      ...(this.#reason !== undefined && { reason: this.#reason }),
      sessionExpiresAtMs: this.#whoami?.sessionExpiresAtMs ?? null,
      certificateExpiresAtMs: this.#profile.validityMs.notAfterMs,
      exchanges: this.#profile.signedIn.exchanges,
      liveFlows: this.#relays.size,
    }
  }

  /** The profile as the person's last sign-in left it, unless it is the one in use. */
  take(profile: Profile): void {
    const { signedIn } = this.#profile
    const { sessionId, certificatePem } = profile.signedIn
    if (sessionId === signedIn.sessionId && certificatePem === signedIn.certificatePem) return
    this.#profile = profile
    this.#exchanges.use(profile)
  }

  /** A DNS message, answered by an exchange of the tenant. Throws Faults when none answers. */
  resolve(query: Buffer, signal: AbortSignal): Promise<Buffer> {
    return this.#exchanges.askName(query, AbortSignal.any([signal, this.#stop.signal]))
  }

  async open(host: string, port: number): Promise<OpenedFlow> {
    if (this.#stop.signal.aborted) throw new Fault('closing')
    if (this.#relays.size + this.#opening >= caps.flows.default) throw new Fault('at-capacity')
    this.#opening++
    try {
      const context = { exchanges: this.#exchanges, profile: () => this.#profile, signal: this.#stop.signal }
      const opened = await openFlow(host, port, context)
      if (opened.kind === 'refused' && opened.denial.reason.startsWith('session-')) void this.refresh()
      return opened
    } finally {
      this.#opening--
    }
  }

  join(local: Socket, flow: Socket, facts: { readonly host: string; readonly port: number }): void {
    const joined = relay(local, flow, {
      onEnd: (end, sent, received) => {
        this.#relays.delete(joined)
        if (this.#relays.size === 0) this.#onIdle?.()
        const wasCut = end.kind === 'reset' && !this.#stop.signal.aborted
        if (wasCut) void this.#explainCut(facts)
        else this.#deps.log('connection closed', { ...facts, end: end.kind, sent, received })
      },
    })
    this.#relays.add(joined)
    // A side that said goodbye before the relay listened has said it already.
    if (flow.readableEnded) local.end()
    if (local.readableEnded) flow.end()
  }

  /** Asks who we are now; concurrent calls share one question. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined))
    return this.#refreshing
  }

  async close(drainMs: number): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#relays.size > 0 && drainMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, drainMs)
      this.#onIdle = resolve
      await promise
      clearTimeout(timer)
    }
    this.destroy('closing')
    await this.#exchanges.close()
  }

  destroy(reason: string): void {
    clearTimeout(this.#timer)
    this.#stop.abort()
    for (const live of this.#relays) live.cut(reason)
  }

  async #refresh(): Promise<void> {
    clearTimeout(this.#timer)
    let nextMs: number
    try {
      const { status, body } = await this.#exchanges.ask('GET', WHOAMI_PATH, undefined, this.#stop.signal)
      this.#backoff.reset()
      nextMs = caps.whoamiMs.default
      if (status === 401 || status === 403) this.#become('signed-out', reasonIn(body))
      else await this.#take(body)
      await this.#renewWhenDue()
    } catch (error) {
      nextMs = Math.max(this.#backoff.next(), 100)
      if (!this.#stop.signal.aborted) this.#become('unreachable', asFault(error).message)
    }
    if (this.#stop.signal.aborted) return
    this.#timer = setTimeout(() => void this.refresh(), Math.min(nextMs, MAX_TIMER_MS)).unref()
  }

  async #take(body: unknown): Promise<void> {
    const parsed = whoamiSchema.safeParse(body)
    if (!parsed.success) throw new Fault('wire-malformed', { cause: parsed.error })
    const { tenantId, exchanges } = parsed.data
    if (tenantId !== this.#profile.signedIn.tenantId) throw new Fault('certificate-refused')
    this.#whoami = parsed.data
    const isContained = isStopped(parsed.data.apps)
    this.#become(isContained ? 'contained' : 'connected', isContained ? 'contained' : undefined)
    const known = this.#profile.signedIn.exchanges
    if (exchanges.length > 0 && exchanges.join() !== known.join())
      await this.#use(this.#profile.withExchanges(exchanges))
    this.#deps.onNames()
    void this.#exchanges.measure(this.#stop.signal)
  }

  #become(state: TenantState, reason?: string): void {
    if (this.#state === state && this.#reason === reason) return
    this.#state = state
    this.#reason = reason
    this.#deps.log(`tenant ${state}`, { tenant: this.name, ...(reason !== undefined && { reason }) })
  }

  async #renewWhenDue(): Promise<void> {
    const { notBeforeMs, notAfterMs } = this.#profile.validityMs
    const nowMs = this.#deps.nowMs()
    if (nowMs < notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3 || nowMs < this.#renewNotBeforeMs) return
    this.#renewNotBeforeMs = nowMs + caps.renewRetryMs.default * (0.5 + this.#deps.random())
    const { log } = this.#deps
    try {
      const { csrPem } = this.#profile.signedIn
      const { body } = await this.#exchanges.ask('POST', '/v1/renew', { csrPem }, this.#stop.signal)
      const pem =
        typeof body === 'object' && body !== null && 'certificatePem' in body ? body.certificatePem : undefined
      if (typeof pem !== 'string') throw new Fault('certificate-refused')
      await this.#use(this.#profile.withCertificate(pem))
      log('certificate renewed', { tenant: this.name })
    } catch (error) {
      log('the certificate could not be renewed', { tenant: this.name, code: asFault(error).code })
    }
  }

  async #use(profile: Profile): Promise<void> {
    // After `logout` nothing may come back into the folder.
    if (this.#stop.signal.aborted) return
    await profile.save(this.#deps.stateFolder)
    this.#profile = profile
    this.#exchanges.use(profile)
  }

  /** A flow that ended without a goodbye: the exchange knows whether that was a decision. */
  async #explainCut(facts: { readonly host: string; readonly port: number }): Promise<void> {
    await this.refresh()
    const reason =
      this.#state !== 'connected' ? (this.#reason ?? this.#state) : await this.#reasonNow(facts.host, facts.port)
    this.#deps.log('connection cut', { ...facts, reason })
  }

  async #reasonNow(host: string, port: number): Promise<string> {
    const app = this.apps.find(({ names }) => names.some((name) => name.host === host))
    if (app !== undefined) return app.allowed ? 'connection-lost' : (app.reason ?? 'denied')
    try {
      const opened = await this.open(host, port)
      if (opened.kind === 'refused') return opened.denial.reason
      opened.socket.destroy()
      return 'connection-lost'
    } catch (error) {
      return asFault(error).code
    }
  }
}

/** Whoever is contained reaches nothing, for that one reason. Where the tenant explains nothing, nor do we. */
function isStopped(apps: Whoami['apps']): boolean {
  return apps.length > 0 && apps.every(({ allowed, reason }) => !allowed && reason === 'contained')
}

function reasonIn(body: unknown): string {
  const denial = typeof body === 'object' && body !== null && 'denial' in body ? body.denial : undefined
  const reason = typeof denial === 'object' && denial !== null && 'reason' in denial ? denial.reason : undefined
  return typeof reason === 'string' ? reason.slice(0, 64) : 'not-signed-in'
}
