// The certificates that control issues to this exchange for doors, web hosts and inspection: keys made here, kept on
// disk for a start without control, renewed well before they end. A key must never leave this process and its folder.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { asFault, Fault } from '#core/fault.ts'
import { createKeyAndCsr, requestForKey } from '#transport/certificate-request.ts'
import { caps } from '#exchange/caps.ts'

export type CertificateUse = 'doors' | 'web' | 'inspection'

export type IssuedPair = {
  readonly keyPem: string
  /** Leaf (or intermediate) first, then what leads to its authority. */
  readonly chainPem: string
  readonly certificate: X509Certificate
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

export type IssuedStoreDeps = {
  readonly folder: string
  readonly ask: (
    use: CertificateUse,
    tenantId: string | null,
    csrPem: string,
  ) => Promise<{ readonly certificatePem: string; readonly chainPem: string }>
  /** The exchange's own key, which is also that of its doors: connectors check grants with it. */
  readonly ownKey: { readonly key: KeyObject; readonly keyPem: string }
  readonly now: () => number
  readonly onFailure: (fault: Fault, use: CertificateUse, tenantId: string | null) => void
  /** A certificate replaced an earlier one. */
  readonly onRenewed: (use: CertificateUse, tenantId: string | null) => void
}

export type IssuedStore = {
  /** What is in hand and valid; never waits. */
  readonly current: (use: CertificateUse, tenantId: string | null) => IssuedPair | undefined
  /** What is in hand, or what control answers; renews in the background when its end comes near. */
  readonly ensure: (use: CertificateUse, tenantId: string | null) => Promise<IssuedPair>
  /** Asks for a new one although the old one lasts: its names have changed. Not more often than once a minute. */
  readonly replace: (use: CertificateUse, tenantId: string | null) => void
  readonly renewDue: () => void
  /** Asks for nothing more; resolves when nothing is being written. */
  readonly close: () => Promise<void>
}

export function openIssuedStore(deps: IssuedStoreDeps): IssuedStore {
  const pairs = new Map<string, IssuedPair>()
  const asking = new Map<string, Promise<IssuedPair>>()
  const notBefore = new Map<string, number>()
  let isClosed = false

  return {
    current,
    async ensure(use, tenantId) {
      const pair = current(use, tenantId) ?? (await readSaved(use, tenantId))
      if (pair === undefined) return request(use, tenantId)
      if (isDue(pair)) renew(use, tenantId)
      return pair
    },
    replace: renew,
    renewDue() {
      for (const [key, pair] of pairs) {
        const [use, tenantId] = split(key)
        if (isDue(pair)) renew(use, tenantId)
      }
    },
    async close() {
      isClosed = true
      await Promise.allSettled(asking.values())
    },
  }

  function current(use: CertificateUse, tenantId: string | null): IssuedPair | undefined {
    const pair = pairs.get(keyOf(use, tenantId))
    return pair !== undefined && pair.notAfterMs > deps.now() ? pair : undefined
  }

  function isDue({ notBeforeMs, notAfterMs }: IssuedPair): boolean {
    return notAfterMs - deps.now() < (notAfterMs - notBeforeMs) * caps.renewShare.default
  }

  function renew(use: CertificateUse, tenantId: string | null): void {
    const key = keyOf(use, tenantId)
    if (isClosed || asking.has(key) || deps.now() < (notBefore.get(key) ?? 0)) return
    notBefore.set(key, deps.now() + caps.renewRetryMs.default)
    request(use, tenantId).catch((error: unknown) => deps.onFailure(asFault(error), use, tenantId))
  }

  function request(use: CertificateUse, tenantId: string | null): Promise<IssuedPair> {
    const key = keyOf(use, tenantId)
    const known = asking.get(key)
    if (known !== undefined) return known
    if (isClosed) return Promise.reject(new Fault('closing'))
    const asked = issue(use, tenantId).finally(() => asking.delete(key))
    asking.set(key, asked)
    return asked
  }

  async function issue(use: CertificateUse, tenantId: string | null): Promise<IssuedPair> {
    const { privateKeyPem, csrPem } =
      use === 'doors'
        ? { privateKeyPem: deps.ownKey.keyPem, csrPem: requestForKey(deps.ownKey.key, 'exchange doors') }
        : await createKeyAndCsr({ commonName: `exchange ${use}` })
    const { certificatePem, chainPem } = await deps.ask(use, tenantId, csrPem)
    const pair = readPair(privateKeyPem, joined(certificatePem, chainPem))
    const isRenewal = pairs.has(keyOf(use, tenantId))
    pairs.set(keyOf(use, tenantId), pair)
    if (isRenewal) deps.onRenewed(use, tenantId)
    if (!isClosed)
      await save(use, tenantId, pair).catch((error: unknown) => deps.onFailure(asFault(error), use, tenantId))
    return pair
  }

  async function readSaved(use: CertificateUse, tenantId: string | null): Promise<IssuedPair | undefined> {
    try {
      const text = await readFile(join(deps.folder, `${keyOf(use, tenantId)}.pem`), 'utf8')
      const at = text.indexOf('-----BEGIN CERTIFICATE-----')
      const pair = readPair(text.slice(0, at), text.slice(at))
      if (pair.notAfterMs <= deps.now()) return undefined
      pairs.set(keyOf(use, tenantId), pair)
      return pair
    } catch {
      // Missing or damaged: control issues another one.
      return undefined
    }
  }

  async function save(use: CertificateUse, tenantId: string | null, { keyPem, chainPem }: IssuedPair): Promise<void> {
    await mkdir(deps.folder, { recursive: true, mode: 0o700 })
    const path = join(deps.folder, `${keyOf(use, tenantId)}.pem`)
    {
      await using handle = await open(`${path}.new`, 'w', 0o600)
      await handle.writeFile(`${keyPem}${chainPem}`)
      await handle.sync()
    }
    await rename(`${path}.new`, path)
  }
}

function keyOf(use: CertificateUse, tenantId: string | null): string {
  return `${use}-${tenantId ?? 'provider'}`
}

function split(key: string): readonly [CertificateUse, string | null] {
  const at = key.indexOf('-')
  const owner = key.slice(at + 1)
  return [key.slice(0, at) as CertificateUse, owner === 'provider' ? null : owner]
}

function joined(certificatePem: string, chainPem: string): string {
  const leaf = certificatePem.trim()
  return chainPem.trim().startsWith(leaf) ? `${chainPem.trim()}\n` : `${leaf}\n${chainPem.trim()}\n`
}

function readPair(keyPem: string, chainPem: string): IssuedPair {
  const certificate = new X509Certificate(chainPem)
  if (!certificate.checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Fault('certificate-refused', { detail: { why: 'control certified another key' } })
  }
  return {
    keyPem,
    chainPem,
    certificate,
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  }
}
