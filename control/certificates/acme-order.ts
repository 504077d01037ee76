// One order at an ACME authority (RFC 8555): prove control of a name, get a certificate for a key made here. Must never
// order without the operator's word on the terms, wait without an end, or leave a challenge answered after its order.
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent } from 'node:https'
import { promisify } from 'node:util'
import * as acme from 'acme-client'
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'

export type AcmeConfig = {
  readonly directory: string
  readonly email: string | undefined
  readonly challenge: 'tls-alpn-01' | 'dns-01'
  /** Program for dns-01: `add NAME VALUE`, `remove NAME VALUE`. */
  readonly hook: string | undefined
  /** PEM of the authority behind the directory, where it is not a public one. */
  readonly caFile: string | undefined
  readonly externalAccount: { readonly keyId: string; readonly hmacKey: string } | undefined
}

export type AcmeAccount = { readonly keyPem: string; readonly url: string | null }

export type AcmeDeps = {
  /** Kept sealed; the address once the authority has given one. */
  readonly account: AcmeAccount
  readonly onAccount: (url: string | null) => Promise<void>
  /** Answers a TLS-ALPN-01 challenge for this host until what is returned is called. */
  readonly answerAlpn: (host: string, credentials: { readonly key: string; readonly cert: string }) => () => void
}

export type Issued = { readonly keyPem: string; readonly certPem: string }

const run = promisify(execFile)

export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** Throws Fault `certificate-refused` with what the authority said. */
export async function orderCertificate(name: string, config: AcmeConfig, deps: AcmeDeps): Promise<Issued> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('the order took too long')), caps.acmeOrderMs.default)
  try {
    return await Promise.race([order(name, config, deps), late.promise])
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    throw new Fault('certificate-refused', { hint: said.slice(0, 300), detail: { name }, cause: error })
  } finally {
    clearTimeout(timer)
  }
}

async function order(name: string, config: AcmeConfig, deps: AcmeDeps): Promise<Issued> {
  const { directory, email, externalAccount, caFile } = config
  const { account, onAccount } = deps
  // The client keeps one set of defaults for the process; nothing else of ours uses it.
  if (caFile !== undefined) acme.axios.defaults.httpsAgent = new Agent({ ca: readFileSync(caFile) })
  acme.axios.defaults.timeout = caps.acmeRequestMs.default
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: account.keyPem,
    ...(account.url !== null && { accountUrl: account.url }),
    backoffAttempts: 20,
    backoffMin: 500,
    backoffMax: 5_000,
    ...(externalAccount && {
      externalAccountBinding: { kid: externalAccount.keyId, hmacKey: externalAccount.hmacKey },
    }),
  })
  if (account.url === null) {
    await client.createAccount({ termsOfServiceAgreed: true, ...(email && { contact: [`mailto:${email}`] }) })
    await onAccount(client.getAccountUrl())
  }
  const ordered = await client
    .createOrder({ identifiers: [{ type: 'dns', value: name }] })
    .catch(async (error: unknown) => {
      // The authority has forgotten us: the next attempt makes an account anew.
      if (/account/i.test(String(error))) await onAccount(null)
      throw error
    })
  for (const authorization of await client.getAuthorizations(ordered)) await prove(client, authorization, config, deps)
  const [key, csr] = await acme.crypto.createCsr({ altNames: [name] }, newKeyPem())
  const finalized = await client.finalizeOrder(ordered, csr)
  const certPem = await client.getCertificate(finalized)
  return { keyPem: key.toString(), certPem }
}

async function prove(
  client: acme.Client,
  authorization: acme.Authorization,
  config: AcmeConfig,
  deps: AcmeDeps,
): Promise<void> {
  if (authorization.status === 'valid') return
  const challenge = authorization.challenges.find(({ type }) => type === config.challenge)
  if (challenge === undefined) throw new Error(`the authority offers no ${config.challenge} for this name`)
  const keyAuthorization = await client.getChallengeKeyAuthorization(challenge)
  const undo = await answer(authorization, keyAuthorization, config, deps)
  try {
    await client.completeChallenge(challenge)
    await client.waitForValidStatus(challenge)
  } finally {
    await undo()
  }
}

async function answer(
  authorization: acme.Authorization,
  keyAuthorization: string,
  { challenge, hook }: AcmeConfig,
  { answerAlpn }: AcmeDeps,
): Promise<() => Promise<void>> {
  const host = authorization.identifier.value
  if (challenge === 'tls-alpn-01') {
    const [key, cert] = await acme.crypto.createAlpnCertificate(authorization, keyAuthorization)
    const stop = answerAlpn(host, { key: key.toString(), cert: cert.toString() })
    return async () => stop()
  }
  if (hook === undefined) throw new Error('dns-01 needs a hook program')
  const record = `_acme-challenge.${host}`
  await runHook(hook, 'add', record, keyAuthorization)
  return () => runHook(hook, 'remove', record, keyAuthorization)
}

/** No shell, and nothing of our environment but the path: the hook has its own credentials. */
async function runHook(hook: string, verb: 'add' | 'remove', record: string, value: string): Promise<void> {
  await run(hook, [verb, record, value], {
    timeout: caps.acmeHookMs.default,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    maxBuffer: 65_536,
  })
}
