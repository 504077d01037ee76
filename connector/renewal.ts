// Renews the certificate at two thirds of its life over whichever link is open. Must never give up before the
// certificate has ended, nor take a certificate for another key or name.
import { asFault, Fault } from '#core/fault.ts'
import type { LinkFromExchange } from '#core/wire/link.ts'
import { caps } from './caps.ts'
import type { Identity } from './identity.ts'
import type { Link } from './link.ts'

export type RenewalDeps = {
  readonly links: () => readonly Link[]
  readonly identity: () => Identity
  readonly onRenewed: (identity: Identity) => Promise<void>
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: (message: string, fields?: Record<string, unknown>) => void
}

type Renewed = Extract<LinkFromExchange, { type: 'renewed' }>

const MAX_TIMER_MS = 3_600_000 // longer timers would run on a clock that sleeps with the machine

export class Renewal {
  readonly #deps: RenewalDeps
  #timer: NodeJS.Timeout | undefined
  #asked:
    | { readonly requestId: number; readonly link: Link; readonly answer: PromiseWithResolvers<Renewed> }
    | undefined
  #lastRequestId = 0
  #notBeforeMs = 0
  #isClosed = false

  constructor(deps: RenewalDeps) {
    this.#deps = deps
  }

  /** Looks whether it is time, and when to look again. */
  start(): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    const waitMs = Math.max(this.#dueMs(), this.#notBeforeMs) - this.#deps.nowMs()
    this.#timer = setTimeout(() => void this.#look(), Math.min(Math.max(waitMs, 0), MAX_TIMER_MS)).unref()
  }

  onAnswer(message: Renewed, link: Link): void {
    if (this.#asked?.requestId === message.requestId && this.#asked.link === link) this.#asked.answer.resolve(message)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#asked?.answer.reject(new Fault('closing'))
  }

  #dueMs(): number {
    const { notBeforeMs, notAfterMs } = this.#deps.identity()
    return notBeforeMs + ((notAfterMs - notBeforeMs) * 2) / 3
  }

  async #look(): Promise<void> {
    const { nowMs, log, identity, links } = this.#deps
    // Without a link there is nobody to ask: the next one that opens starts the look again.
    if (links().length === 0) return
    if (this.#asked === undefined && nowMs() >= this.#dueMs() && nowMs() >= this.#notBeforeMs) {
      this.#notBeforeMs = nowMs() + caps.renewRetryMs.default * (0.5 + this.#deps.random())
      try {
        await this.#renew()
        log('certificate renewed', { notAfter: new Date(identity().notAfterMs).toISOString() })
      } catch (error) {
        const expiresInMs = identity().notAfterMs - nowMs()
        log('the certificate could not be renewed', { code: asFault(error).code, expiresInMs })
      }
    }
    this.start()
  }

  async #renew(): Promise<void> {
    const link = this.#deps.links().find(({ isDraining }) => !isDraining)
    if (link === undefined) throw new Fault('control-unreachable')
    const identity = this.#deps.identity()
    const asked = { requestId: ++this.#lastRequestId, link, answer: Promise.withResolvers<Renewed>() }
    this.#asked = asked
    const timer = setTimeout(() => asked.answer.reject(new Fault('request-timeout')), caps.renewAnswerMs.default)
    try {
      link.send({ type: 'renew', requestId: asked.requestId, csrPem: identity.enrolment.csrPem })
      const { certificatePem, code } = await asked.answer.promise
      if (certificatePem === null) throw new Fault('certificate-refused', { detail: { code } })
      await this.#deps.onRenewed(identity.withCertificate(certificatePem))
    } finally {
      clearTimeout(timer)
      this.#asked = undefined
    }
  }
}
