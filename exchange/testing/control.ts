// The other end of the feed for tests: real keys, real TLS, messages by hand, so that tests can also say what control
// never would. Must never be imported by product code.
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { Change, TenantRecords } from '#core/records/records.ts'
import { HOST_COOKIE_PURPOSE, STATEMENT_PURPOSE } from '#core/wire/grant.ts'
import { FEED_ALPN, feedFromExchange, type FeedFromControl, type FeedFromExchange } from '#core/wire/feed.ts'
import type { ConnectorSlice } from '#core/wire/snapshot.ts'
import { createAuthority, issueCertificate, type Authority } from '#transport/certificate-authority.ts'
import { readCsr } from '#transport/read-csr.ts'
import { startFrames, type FrameConnection } from '#transport/frames.ts'
import { identityUri } from '#transport/identity-uri.ts'
import { sha256 } from '#transport/secret.ts'
import { signToken } from '#transport/signed-token.ts'
import { leaf, listen } from '#transport/testing.ts'
import { certificateDoorTls } from '#transport/tls-defaults.ts'

export const DOMAIN = 'sallyport.test'
export const APPS_DOMAIN = 'apps.test'

export type Receipt = Extract<FeedFromExchange, { type: 'receipt' }>

/** One tenant as control knows it. */
export class ControlTenant {
  readonly id: string
  readonly name: string
  readonly identityCa: Authority
  readonly inspectionRoot: Authority
  readonly records = new Map<string, TenantRecords>()
  epoch = 'epoch-1'
  sequence = 1

  constructor(id: string, name: string, identityCa: Authority, inspectionRoot: Authority) {
    this.id = id
    this.name = name
    this.identityCa = identityCa
    this.inspectionRoot = inspectionRoot
  }

  put(...records: readonly TenantRecords[]): void {
    for (const record of records) this.records.set(record.id, record)
  }

  /** The record of this kind and id, for copying. */
  get<K extends TenantRecords['kind']>(kind: K, id: string): Extract<TenantRecords, { kind: K }> {
    const record = this.records.get(id)
    if (record?.kind !== kind) throw new Error(`no ${kind} ${id}`)
    return record as Extract<TenantRecords, { kind: K }>
  }
}

export type IssueIntermediate = (
  parent: Authority,
  request: {
    readonly publicKeySpki: Uint8Array
    readonly commonName: string
    readonly notBeforeMs: number
    readonly notAfterMs: number
    readonly excludedDns: readonly string[]
  },
) => string

export async function startTestControl(issueIntermediate: IssueIntermediate) {
  const exchangeCa = await createAuthority({ commonName: 'exchanges', days: 2, pathLength: 0 })
  const webCa = await createAuthority({ commonName: 'web', days: 2, pathLength: 0 })
  const [statementKeys, snapshotKeys] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
  const own = await leaf(exchangeCa, {
    sanDns: [`feed.${DOMAIN}`],
    sanUris: [identityUri({ owner: 'provider', role: 'control', id: 'main' })],
  })
  const tenants = new Map<string, ControlTenant>()
  const receipts: Receipt[] = []
  const waiting = new Set<() => void>()
  const codes = new Map<string, { host: string; tenantId: string; sessionId: string; challenge: string }>()
  const ended: string[] = []
  const asked = new Map<number, (answer: Extract<FeedFromExchange, { type: 'live-flows' }>) => void>()
  let frames: FrameConnection | undefined
  let exchangeId = ''
  let hellos = 0
  let isSilent = false

  const server = createTlsServer(
    { ...certificateDoorTls, ...own, ca: [exchangeCa.certificatePem], ALPNProtocols: [FEED_ALPN] },
    (socket: TLSSocket) => {
      socket.on('error', () => {})
      frames = startFrames(socket, { onMessage: (message) => onMessage(feedFromExchange.parse(message)) })
    },
  )
  const port = await listen(server)

  const control = {
    port,
    exchangeCa,
    webCa,
    statementKeys,
    snapshotKeys,
    tenants,
    receipts,
    ended,
    get hellos() {
      return hellos
    },
    set exchangeId(id: string) {
      exchangeId = id
    },
    /** Takes connections but does not answer: control is away. */
    set isSilent(silent: boolean) {
      isSilent = silent
      if (silent) frames?.destroy(new (class extends Error {})() as never)
    },
    send: (message: FeedFromControl) => void frames?.send(message),
    sign: (purpose: string, payload: object, key: KeyObject = snapshotKeys.privateKey) =>
      signToken(purpose, payload, key),
    sendSnapshot,
    rootOf,
    deltaOf,
    /** Changes a tenant and resolves with the receipt. */
    async change(tenant: ControlTenant, ...changes: readonly Change[]): Promise<Receipt> {
      const token = deltaOf(tenant, changes)
      for (const change of changes) {
        if (change.op === 'put') tenant.put(change.record)
        else tenant.records.delete(change.id)
      }
      tenant.sequence++
      frames?.send({ type: 'delta', token })
      return control.receiptFor(tenant)
    },
    async receiptFor(tenant: ControlTenant): Promise<Receipt> {
      for (;;) {
        const found = receipts.find((each) => each.tenantId === tenant.id && each.sequence >= tenant.sequence)
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
    heartbeat(tenant: ControlTenant, issuedAtMs = Date.now()) {
      const { id: tenantId, epoch, sequence } = tenant
      frames?.send({
        type: 'heartbeat',
        tokens: [control.sign('heartbeat', { tenantId, epoch, sequence, issuedAtMs })],
      })
    },
    listFlows(tenantId: string) {
      const { promise, resolve } = Promise.withResolvers<Extract<FeedFromExchange, { type: 'live-flows' }>>()
      const requestId = asked.size + 1
      asked.set(requestId, resolve)
      control.send({ type: 'list-flows', requestId, tenantId, limit: 100 })
      return promise
    },
    /** A hand-off code as the portal makes it. */
    makeCode(host: string, tenantId: string, sessionId: string, challenge: string): string {
      const code = randomBytes(24).toString('base64url')
      codes.set(code, { host, tenantId, sessionId, challenge })
      return code
    },
    hostCookie(tenantId: string, sessionId: string, host: string, expiresAtMs = Date.now() + 3_600_000): string {
      const payload = { tenantId, sessionId, host, issuedAtMs: Date.now(), expiresAtMs }
      return signToken(HOST_COOKIE_PURPOSE, payload, statementKeys.privateKey)
    },
    drop: () => frames?.destroy(new Error('dropped') as never),
    close() {
      server.close()
      frames?.destroy(new Error('closed') as never)
    },
  }
  return control

  function onMessage(message: FeedFromExchange): void {
    if (isSilent) return
    if (message.type === 'hello') return onHello()
    if (message.type === 'receipt') {
      receipts.push(message)
      for (const wake of waiting) wake()
      waiting.clear()
      return
    }
    if (message.type === 'live-flows') return asked.get(message.requestId)?.(message)
    if (!('requestId' in message)) return
    const { requestId } = message
    answer(message).then(
      (value) => frames?.send({ type: 'answer', requestId, value }),
      () => frames?.send({ type: 'answer', requestId, fault: { code: 'token-invalid', message: 'no' } }),
    )
  }

  function onHello(): void {
    hellos++
    frames?.send({
      type: 'welcome',
      version: 1,
      exchangeId,
      domain: DOMAIN,
      appsDomain: APPS_DOMAIN,
      publicPort: 443,
      exchanges: [],
      snapshotKeys: [pemOf(snapshotKeys.publicKey)],
      statementKeys: [pemOf(statementKeys.publicKey)],
    } satisfies FeedFromControl)
    for (const tenant of tenants.values()) sendSnapshot(tenant)
  }

  function rootOf(tenant: ControlTenant, chunks: readonly string[], issuedAtMs = Date.now()): string {
    const { id: tenantId, epoch, sequence } = tenant
    const chunkHashes = chunks.map((text) => sha256(text).toString('base64url'))
    return control.sign('snapshot-root', { tenantId, epoch, sequence, issuedAtMs, chunkHashes })
  }

  function deltaOf(tenant: ControlTenant, changes: readonly Change[], from = tenant.sequence): string {
    const { id: tenantId, epoch } = tenant
    return control.sign('delta', { tenantId, epoch, from, to: from + 1, issuedAtMs: Date.now(), changes })
  }

  function sendSnapshot(tenant: ControlTenant): void {
    const chunks = [...tenant.records.values()].map((record) => JSON.stringify([record]))
    frames?.send({ type: 'snapshot-root', token: rootOf(tenant, chunks) })
    for (const [index, text] of chunks.entries()) {
      frames?.send({ type: 'snapshot-chunk', tenantId: tenant.id, index, text })
    }
  }

  async function answer(message: FeedFromExchange): Promise<unknown> {
    if (message.type === 'statement') return { token: statementFor(message.tenantId, message.sessionId) }
    if (message.type === 'slice') return { token: sliceFor(message.tenantId, message.connectorId) }
    if (message.type === 'certificate') return certificateFor(message)
    if (message.type === 'end-session') {
      ended.push(message.sessionId)
      return { ended: true }
    }
    if (message.type !== 'redeem-code') throw new Error(message.type)
    const code = codes.get(message.code)
    codes.delete(message.code)
    const isRight = code?.host === message.host && code.challenge === sha256(message.nonce).toString('base64url')
    if (code === undefined || !isRight) throw new Error('no')
    const { tenantId, sessionId, host } = code
    const expiresAtMs = Date.now() + 3_600_000
    return { cookie: control.hostCookie(tenantId, sessionId, host, expiresAtMs), tenantId, sessionId, expiresAtMs }
  }

  function statementFor(tenantId: string, sessionId: string): string {
    const tenant = tenants.get(tenantId)
    if (tenant === undefined) throw new Error('no tenant')
    const session = tenant.get('session', sessionId)
    const user = tenant.get('user', session.userId)
    const device = session.deviceId === null ? undefined : tenant.get('device', session.deviceId)
    const nowMs = Date.now()
    return signToken(
      STATEMENT_PURPOSE,
      {
        tenantId,
        sessionId,
        userId: user.id,
        userName: user.name,
        deviceId: session.deviceId,
        deviceKeyThumbprint: device?.keyThumbprint ?? null,
        issuedAtMs: nowMs,
        expiresAtMs: nowMs + 300_000,
      },
      statementKeys.privateKey,
    )
  }

  function sliceFor(tenantId: string, connectorId: string): string {
    const tenant = tenants.get(tenantId)
    if (tenant === undefined) throw new Error('no tenant')
    const apps = [...tenant.records.values()].filter((record) => record.kind === 'app')
    const slice: ConnectorSlice = {
      tenantId,
      connectorId,
      sequence: tenant.sequence,
      issuedAtMs: Date.now(),
      identityCaPem: [tenant.identityCa.certificatePem],
      exchangeCaPem: [exchangeCa.certificatePem],
      statementKeys: [pemOf(statementKeys.publicKey)],
      apps: apps.map((app) => ({
        id: app.id,
        name: app.name,
        appKind: app.appKind,
        inspect: app.inspect,
        enabled: app.enabled,
        ports: app.names.flatMap(({ ports }) => ports),
        upstream: { host: app.upstream.host, port: app.upstream.port ?? null, tls: null },
        health: { kind: 'none' },
      })),
      revokedSessionIds: [],
      revokedDeviceIds: [],
      revokedExchangeIds: [],
      staleAfterSeconds: 900,
    }
    return control.sign('slice', slice)
  }

  async function certificateFor(message: Extract<FeedFromExchange, { type: 'certificate' }>) {
    const { publicKeySpki } = await readCsr(message.csrPem)
    const tenant = tenants.get(message.tenantId ?? '')
    const notAfter = new Date(Date.now() + 3_600_000)
    const exchangeUri = identityUri({ owner: 'provider', role: 'exchange', id: exchangeId })
    if (message.use === 'doors') {
      const { certificatePem } = await issueCertificate(exchangeCa, {
        publicKey: publicKeySpki,
        commonName: 'doors',
        sanUris: [exchangeUri],
        sanDns: [`*.proxy.${DOMAIN}`, `*.link.${DOMAIN}`],
        usages: ['server'],
        notAfter,
      })
      return { certificatePem, chainPem: certificatePem + exchangeCa.certificatePem, notAfterMs: notAfter.getTime() }
    }
    if (tenant === undefined) throw new Error('no tenant')
    if (message.use === 'inspection') {
      const certificatePem = issueIntermediate(tenant.inspectionRoot, {
        publicKeySpki,
        commonName: 'inspection',
        notBeforeMs: Date.now() - 60_000,
        notAfterMs: notAfter.getTime(),
        excludedDns: [DOMAIN, APPS_DOMAIN],
      })
      const chainPem = certificatePem + tenant.inspectionRoot.certificatePem
      return { certificatePem, chainPem, notAfterMs: notAfter.getTime() }
    }
    if (message.use !== 'web') throw new Error('not in this test')
    const { certificatePem } = await issueCertificate(webCa, {
      publicKey: publicKeySpki,
      commonName: 'apps',
      sanDns: [`*.${tenant.name}.${APPS_DOMAIN}`, `${tenant.name}.web.${DOMAIN}`],
      usages: ['server'],
      notAfter,
    })
    return { certificatePem, chainPem: certificatePem + webCa.certificatePem, notAfterMs: notAfter.getTime() }
  }
}

export function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}
