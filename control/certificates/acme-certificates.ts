// Certificates of our public names from an ACME authority: ordered, kept sealed in the store, renewed at two thirds of
// their life, and told about. Must never order twice at once, ask again before it may, or serve what has ended.
import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import * as z from 'zod'
import { asFault, Fault } from '#core/fault.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import type { Sealer } from '#control/authority/key-encryption.ts'
import { caps } from '#control/caps.ts'
import type { PublicCertificate } from '#control/figures.ts'
import type { Store } from '#control/store/store.ts'
import { newKeyPem, orderCertificate, type AcmeAccount, type AcmeConfig, type Issued } from './acme-order.ts'

export type AcmeCertificatesDeps = {
  readonly store: Store
  readonly sealer: Sealer
  readonly nowMs: () => number
  readonly random: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  /** Hosts of ours that people open. */
  readonly hosts: () => Promise<readonly string[]>
  readonly domain: string
}

export type AcmeCertificates = {
  readonly contextFor: (host: string) => Promise<SecureContext>
  /** What a TLS-ALPN-01 validation of this host is to be shown. */
  readonly challengeFor: (host: string) => SecureContext | undefined
  readonly list: () => readonly PublicCertificate[]
  /** Looks now at what is due; resolves when that is done. */
  readonly round: () => Promise<void>
  readonly close: () => Promise<void>
}

type Held = {
  readonly context: SecureContext
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly renewAtMs: number
}
type Name = { held: Held | undefined; failures: number; problem: string | null; nextAttemptMs: number }

const keptAccount = z.strictObject({ keyPem: z.string().max(16_384), url: z.string().max(1000).nullable() })
const kept = z.strictObject({ keyPem: z.string().max(16_384), certPem: z.string().max(65_536) })

export async function startAcmeCertificates(config: AcmeConfig, deps: AcmeCertificatesDeps): Promise<AcmeCertificates> {
  const { store, sealer, nowMs, random, log, domain } = deps
  const accountPlace = `acme-account ${config.directory}`
  const names = new Map<string, Name>()
  const challenges = new Map<string, SecureContext>()
  let account = await readAccount()
  let running: Promise<void> | undefined
  let isClosed = false
  await refreshNames()
  const timer = setInterval(() => void round(), caps.acmeLookMs.default)
  timer.unref()
  // The names are wanted from the start; the port opens meanwhile, because the authority will knock there.
  const first = setTimeout(() => void round(), 0)

  return {
    async contextFor(host) {
      const name = names.get(nameOf(host))
      if (name?.held !== undefined && name.held.notAfterMs > nowMs()) return name.held.context
      if (name === undefined) void round()
      throw new Fault('certificate-refused', { detail: { why: 'no certificate for this name yet', host } })
    },
    challengeFor: (host) => challenges.get(host),
    list: () =>
      [...names].map(([name, { held, failures, problem, nextAttemptMs }]) => ({
        name,
        source: 'acme',
        notAfterMs: held?.notAfterMs ?? null,
        failures,
        problem,
        nextAttemptMs: Math.max(nextAttemptMs, held?.renewAtMs ?? 0),
      })),
    round,
    async close() {
      isClosed = true
      clearInterval(timer)
      clearTimeout(first)
      // An order under way is the authority's to finish; what it gives is asked for again at the next start.
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const patience = setTimeout(resolve, caps.closeMs.default)
      await Promise.race([running, late])
      clearTimeout(patience)
    },
  }

  /** With dns-01 one certificate stands for all names below the domain. */
  function nameOf(host: string): string {
    return config.challenge === 'dns-01' ? `*.${domain}` : host
  }

  async function refreshNames(): Promise<void> {
    const wanted = new Set((await deps.hosts()).map(nameOf))
    for (const name of names.keys()) if (!wanted.has(name)) names.delete(name)
    for (const name of [...wanted].slice(0, caps.acmeNames.default)) {
      if (names.has(name)) continue
      names.set(name, { held: await readKept(name), failures: 0, problem: null, nextAttemptMs: 0 })
    }
  }

  function round(): Promise<void> {
    running ??= work()
      .catch((error: unknown) => log('the round over certificates failed', { error: String(error) }))
      .finally(() => (running = undefined))
    return running
  }

  async function work(): Promise<void> {
    await refreshNames()
    for (const [name, state] of names) {
      if (isClosed) return
      const isDue = state.held === undefined || state.held.renewAtMs <= nowMs()
      if (isDue && state.nextAttemptMs <= nowMs()) await attempt(name, state)
    }
  }

  async function attempt(name: string, state: Name): Promise<void> {
    try {
      const issued = await orderCertificate(name, config, { account, onAccount, answerAlpn })
      state.held = heldOf(issued)
      await keep(name, issued)
      state.failures = 0
      state.problem = null
      log('certificate issued', { name, until: new Date(state.held.notAfterMs).toISOString() })
    } catch (error) {
      const fault = asFault(error)
      state.failures++
      state.problem = fault.hint ?? fault.message
      const waitMs = waitAfter(state.failures, state.problem)
      state.nextAttemptMs = nowMs() + waitMs
      log('no certificate', { name, failures: state.failures, problem: state.problem, againInMs: Math.round(waitMs) })
    }
  }

  /** Doubling from a minute to half a day; a rate limit is waited out for an hour at least. With jitter: nodes differ. */
  function waitAfter(failures: number, problem: string): number {
    const doubled = caps.acmeRetryMs.default * 2 ** Math.min(failures - 1, 20)
    const least = /rate.?limit|too many/i.test(problem) ? caps.acmeRateLimitMs.default : 0
    return Math.max(least, Math.min(doubled, caps.acmeRetryMostMs.default)) * (1 + 0.2 * random())
  }

  function answerAlpn(host: string, credentials: { readonly key: string; readonly cert: string }): () => void {
    challenges.set(host, createSecureContext({ ...browserDoorTls, ...credentials }))
    return () => void challenges.delete(host)
  }

  function heldOf({ keyPem, certPem }: Issued): Held {
    const { validFromDate, validToDate } = new X509Certificate(certPem)
    const [notBeforeMs, notAfterMs] = [validFromDate.getTime(), validToDate.getTime()]
    const lifeMs = notAfterMs - notBeforeMs
    return {
      context: createSecureContext({ ...browserDoorTls, key: keyPem, cert: certPem }),
      notBeforeMs,
      notAfterMs,
      // Two thirds of its life, a little earlier for some, so that a thousand names are not one burst.
      renewAtMs: notBeforeMs + lifeMs * (2 / 3 - 0.05 * random()),
    }
  }

  async function keep(name: string, issued: Issued): Promise<void> {
    const place = `acme-certificate ${config.directory} ${name}`
    await write(place, JSON.stringify(issued))
  }

  async function readKept(name: string): Promise<Held | undefined> {
    const place = `acme-certificate ${config.directory} ${name}`
    const text = await read(place)
    if (text === undefined) return undefined
    const held = heldOf(kept.parse(JSON.parse(text)))
    return held.notAfterMs > nowMs() ? held : undefined
  }

  async function readAccount(): Promise<AcmeAccount> {
    const known = await read(accountPlace)
    if (known !== undefined) return keptAccount.parse(JSON.parse(known))
    const made = { keyPem: newKeyPem(), url: null }
    await write(accountPlace, JSON.stringify(made))
    return made
  }

  async function onAccount(url: string | null): Promise<void> {
    account = { ...account, url }
    await write(accountPlace, JSON.stringify(account))
  }

  async function read(place: string): Promise<string | undefined> {
    const row = await store.provider
      .selectFrom('settings')
      .select('settings.value')
      .where('settings.name', '=', place)
      .executeTakeFirst()
    return row === undefined ? undefined : sealer.open(row.value, place).toString('utf8')
  }

  async function write(place: string, text: string): Promise<void> {
    const value = sealer.seal(Buffer.from(text), place)
    await store.provider.deleteFrom('settings').where('settings.name', '=', place).execute()
    await store.provider.insertInto('settings', { name: place, value }).execute()
  }
}
