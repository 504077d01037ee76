// The certificate authorities and signing keys of the installation: says what each certificate may be used for and
// for how long. Must never sign for a tenant with another tenant's key, nor longer than the table of caps says.
import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import * as z from 'zod'
import { HOST_COOKIE_PURPOSE, STATEMENT_PURPOSE, hostCookie } from '#core/wire/grant.ts'
import type { HostCookie, Statement } from '#core/wire/grant.ts'
import { issueCertificate, type AuthorityRequest, type CertificateRequest } from '#transport/certificate-authority.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { signToken, verifyToken } from '#transport/signed-token.ts'
import { caps } from '#control/caps.ts'
import type { Store } from '#control/store/store.ts'
import { issueIntermediate } from './intermediate.ts'
import type { Sealer } from './key-encryption.ts'
import { KeyRing, keyIdOf, type OpenAuthority } from './key-ring.ts'

export type Issued = { readonly certificatePem: string; readonly chainPem: string; readonly notAfterMs: number }
export type Credentials = { readonly keyPem: string; readonly certPem: string; readonly notAfterMs: number }

export type AuthorityConfig = { readonly domain: string; readonly appsDomain: string; readonly providerId: string }
export type AuthorityDeps = { readonly store: Store; readonly sealer: Sealer; readonly nowMs: () => number }

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const purposesOfSnapshots = z.enum(['snapshot-root', 'delta', 'heartbeat', 'slice'])

export type SnapshotPurpose = z.infer<typeof purposesOfSnapshots>
export type ControlAuthority = Awaited<ReturnType<typeof openAuthority>>

export async function openAuthority(config: AuthorityConfig, deps: AuthorityDeps) {
  const { domain, appsDomain, providerId } = config
  const { nowMs } = deps
  const ring = new KeyRing(deps.store, deps.sealer, nowMs)
  const days = caps.authorityDays.default
  const identityRequest = (tenantId: string): AuthorityRequest => ({
    commonName: `Sallyport identities ${tenantId}`.slice(0, 64),
    days,
    pathLength: 0,
    // A URI constraint holds the authority to this tenant's identities even where a verifier checks nothing else.
    nameConstraints: { permittedUriHosts: [tenantId] },
  })
  const inspectionRequest: AuthorityRequest = {
    commonName: 'Sallyport inspection',
    days,
    pathLength: 1,
    usages: ['server'],
    nameConstraints: { excludedDns: [domain, appsDomain], excludedIpFamilies: [4, 6] },
  }
  const exchangeCas = await ring.authorities(providerId, 'exchange-ca', {
    commonName: 'Sallyport exchanges',
    days,
    pathLength: 0,
  })
  const webCas = await ring.authorities(providerId, 'web-ca', {
    commonName: `Sallyport ${domain}`.slice(0, 64),
    days,
    pathLength: 0,
    usages: ['server'],
  })
  const statements = await ring.signingKeys(providerId, 'statement')
  const snapshots = await ring.signingKeys(providerId, 'snapshot')
  const journal = await ring.signingKeys(providerId, 'journal')
  const statementPublic = statements.map(({ publicPem }) => createPublicKey(publicPem))

  const identityCas = (tenantId: string) => ring.authorities(tenantId, 'identity-ca', identityRequest(tenantId))
  const inspectionRoots = (tenantId: string) => ring.authorities(tenantId, 'inspection-root', inspectionRequest)

  async function issue(
    authority: OpenAuthority,
    lifeMs: number,
    request: Omit<CertificateRequest, 'notBefore' | 'notAfter'>,
  ): Promise<Issued> {
    const now = nowMs()
    const { certificatePem, notAfter } = await issueCertificate(authority, {
      ...request,
      notBefore: new Date(now),
      notAfter: new Date(now + lifeMs),
    })
    return { certificatePem, chainPem: certificatePem + authority.certificatePem, notAfterMs: notAfter.getTime() }
  }
  const shortLifeMs = caps.certificateHours.default * HOUR_MS

  async function issueMember(
    tenantId: string,
    role: 'device' | 'connector',
    id: string,
    publicKey: Uint8Array,
  ): Promise<Issued> {
    const [authority] = await identityCas(tenantId)
    return issue(authority, shortLifeMs, {
      publicKey,
      commonName: id,
      sanUris: [identityUri({ owner: tenantId, role, id })],
      // A connector is TLS server inside a flow and client on its link; a device is only ever a client.
      usages: role === 'connector' ? ['client', 'server'] : ['client'],
    })
  }

  /** A key of our own with a certificate: for the servers of the control plane. */
  async function ownCertificate(
    authority: OpenAuthority,
    lifeMs: number,
    request: Omit<CertificateRequest, 'notBefore' | 'notAfter' | 'publicKey'>,
  ): Promise<Credentials> {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { chainPem, notAfterMs } = await issue(authority, lifeMs, {
      ...request,
      publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    })
    return { keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), certPem: chainPem, notAfterMs }
  }

  return {
    exchangeCaPem: exchangeCas.map(({ certificatePem }) => certificatePem),
    webCaPem: webCas.map(({ certificatePem }) => certificatePem),
    /** What an enrolment token pins: the key of the authority behind the API host. */
    webCaPin: keyThumbprint(new X509Certificate(webCas[0].certificatePem)),
    statementKeys: statements.map(({ publicPem }) => publicPem),
    snapshotKeys: snapshots.map(({ publicPem }) => publicPem),

    /** Makes the tenant's authorities if it has none. */
    ensureTenant: async (tenantId: string): Promise<void> => {
      await Promise.all([identityCas(tenantId), inspectionRoots(tenantId)])
    },
    forgetTenant: (tenantId: string): void => ring.forget(tenantId),
    identityCaPem: async (tenantId: string) =>
      (await identityCas(tenantId)).map(({ certificatePem }) => certificatePem),
    inspectionCaPem: async (tenantId: string) =>
      (await inspectionRoots(tenantId)).map(({ certificatePem }) => certificatePem),

    issueDevice: (tenantId: string, deviceId: string, publicKey: Uint8Array) =>
      issueMember(tenantId, 'device', deviceId, publicKey),
    issueConnector: (tenantId: string, connectorId: string, publicKey: Uint8Array) =>
      issueMember(tenantId, 'connector', connectorId, publicKey),
    /** Client of the feed and of inspected flows. */
    issueExchange: (exchangeId: string, publicKey: Uint8Array) =>
      issue(exchangeCas[0], shortLifeMs, {
        publicKey,
        commonName: exchangeId,
        sanUris: [identityUri({ owner: 'provider', role: 'exchange', id: exchangeId })],
        usages: ['client'],
      }),
    /** Server of the agent door and the connector link. */
    issueDoors: (exchangeId: string, publicKey: Uint8Array) =>
      issue(exchangeCas[0], shortLifeMs, {
        publicKey,
        commonName: `${exchangeId} doors`,
        sanUris: [identityUri({ owner: 'provider', role: 'exchange', id: exchangeId })],
        sanDns: [`*.proxy.${domain}`, `*.link.${domain}`],
        usages: ['server'],
      }),
    /** Server of the browser door for one tenant. */
    issueWeb: (publicKey: Uint8Array, names: readonly string[]) =>
      issue(webCas[0], caps.webCertificateDays.default * DAY_MS, {
        publicKey,
        commonName: 'Sallyport apps',
        sanDns: names,
        usages: ['server'],
      }),
    /** Intermediate with which an exchange makes certificates that only devices of this tenant trust. */
    issueInspection: async (
      tenantId: string,
      publicKeySpki: Uint8Array,
      ownHosts: readonly string[],
    ): Promise<Issued> => {
      const [root] = await inspectionRoots(tenantId)
      const notAfterMs = nowMs() + caps.inspectionDays.default * DAY_MS
      const certificatePem = issueIntermediate(root, {
        publicKeySpki,
        commonName: 'Sallyport inspection (exchange)',
        notBeforeMs: nowMs() - 300_000,
        notAfterMs,
        excludedDns: [domain, appsDomain, ...ownHosts],
      })
      return { certificatePem, chainPem: certificatePem + root.certificatePem, notAfterMs }
    },
    feedCertificate: () =>
      ownCertificate(exchangeCas[0], shortLifeMs, {
        commonName: 'control',
        sanUris: [identityUri({ owner: 'provider', role: 'control', id: 'main' })],
        sanDns: [`feed.${domain}`],
        usages: ['server'],
      }),
    webCertificate: (host: string) =>
      ownCertificate(webCas[0], caps.webCertificateDays.default * DAY_MS, {
        commonName: host.slice(0, 64),
        sanDns: [host],
        usages: ['server'],
      }),

    signStatement: (statement: Statement): string => signToken(STATEMENT_PURPOSE, statement, statements[0].privateKey),
    signHostCookie: (payload: HostCookie): string => signToken(HOST_COOKIE_PURPOSE, payload, statements[0].privateKey),
    verifyHostCookie: (token: string): HostCookie | null => {
      try {
        return hostCookie.parse(verifyToken(HOST_COOKIE_PURPOSE, token, statementPublic, { nowMs: nowMs() }))
      } catch {
        return null
      }
    },
    signSnapshot: (purpose: SnapshotPurpose, payload: object): string =>
      signToken(purposesOfSnapshots.parse(purpose), payload, snapshots[0].privateKey),
    /** For the journal of this control plane, and tombstones of any writer. */
    journalSigner: {
      keyId: keyIdOf(journal[0].publicPem),
      publicKey: createPublicKey(journal[0].publicPem),
      sign: (bytes: Uint8Array): Uint8Array => sign(null, bytes, journal[0].privateKey),
    },
  }
}
