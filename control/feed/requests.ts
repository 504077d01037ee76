// What an exchange may ask of control, and the answers. Must never answer about a tenant that the exchange does not
// serve, nor certify a key whose holder did not prove it.
import { Fault } from '#core/fault.ts'
import type { FeedFromExchange } from '#core/wire/feed.ts'
import { readCsr } from '#transport/read-csr.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { containedUntil, subjectsOfUser, type Subject } from '#control/directory/containment.ts'
import { createSessions, liveRow, userRow } from '#control/directory/sessions.ts'
import { drillWall } from '#control/drill/wall.ts'
import { makeSlice, type SliceDeps } from '#control/snapshot/slice.ts'
import type { SnapshotDeps } from '#control/snapshot/snapshot.ts'
import type { Row } from '#control/records/from-rows.ts'

export type FeedRequest = Exclude<Extract<FeedFromExchange, { requestId: number }>, { type: 'live-flows' }>

export type RequestDeps = {
  readonly context: ControlContext
  readonly snapshots: SnapshotDeps
  readonly exchange: Row<'exchanges'>
  readonly serves: (tenantId: string) => boolean
}

export async function answerRequest(request: FeedRequest, deps: RequestDeps): Promise<unknown> {
  const { context, serves } = deps
  if ('tenantId' in request && request.tenantId !== null && !serves(request.tenantId)) throw new Fault('not-found')
  switch (request.type) {
    case 'statement':
      return { token: await makeStatement(request.tenantId, request.sessionId, context) }
    case 'redeem-code': {
      const { signIn } = context.links
      if (!signIn) throw new Fault('closing')
      const redeemed = await signIn.redeemCode({ host: request.host, code: request.code, nonce: request.nonce })
      if (!serves(redeemed.tenantId)) throw new Fault('not-found')
      return redeemed
    }
    case 'end-session':
      return { ended: await signOut(request, context) }
    case 'certificate':
      return certify(request, deps)
    case 'renew-device':
      return renewDevice(request, context)
    case 'renew-connector':
      return renewConnector(request, context)
    case 'slice':
      return { token: await sliceOf(request.tenantId, request.connectorId, deps) }
  }
}

/** As its owner would by the API. A device ends its own sessions and no other; false: there was none to end. */
async function signOut(
  { tenantId, sessionId, deviceId }: Extract<FeedRequest, { type: 'end-session' }>,
  context: ControlContext,
): Promise<boolean> {
  const session = await liveRow(context.store.forTenant(tenantId), sessionId, context.nowMs())
  if (session === undefined) return false
  if (session.door === 'console' || session.deviceId !== (deviceId ?? null)) throw new Fault('not-found')
  const sequence = await createSessions(context).end(tenantId, sessionId, 'signed-out')
  // Without it the refresh token of the device would open the next session.
  await context.links.signIn?.endSession(tenantId, sessionId, 'signed-out')
  return sequence !== null
}

async function makeStatement(tenantId: string, sessionId: string, context: ControlContext): Promise<string> {
  const handle = context.store.forTenant(tenantId)
  const nowMs = context.nowMs()
  const session = await liveRow(handle, sessionId, nowMs)
  const mirror = await context.mirrors.current(tenantId)
  const user = session && mirror.get('user', session.userId)
  const tenant = mirror.get('tenant', tenantId)
  if (!session || session.door === 'console' || user?.status !== 'active' || tenant?.status !== 'active')
    throw new Fault('not-found')
  const device = session.deviceId === null ? undefined : mirror.get('device', session.deviceId)
  if (session.deviceId !== null && device?.status !== 'active') throw new Fault('not-found')
  const expiresAtMs = Math.min(session.expiresAtMs, nowMs + statementMs(tenant.staleAfterSeconds))
  // On record before it is given out, and never for a session that has just ended: connectors are told of ended
  // sessions about which there may be a statement, and of no others.
  const vouched = await handle
    .updateTable('sessions')
    .set((eb) => ({
      lastSeenAtMs: nowMs,
      statementAtMs: nowMs,
      statementUntilMs: eb
        .case()
        .when('sessions.statementUntilMs', '>', expiresAtMs)
        .then(eb.ref('sessions.statementUntilMs'))
        .else(expiresAtMs)
        .end(),
    }))
    .where('sessions.id', '=', sessionId)
    .where('sessions.endedAtMs', 'is', null)
    .returning('sessions.id')
    .executeTakeFirst()
  if (!vouched) throw new Fault('not-found')
  return context.authority.signStatement({
    tenantId,
    sessionId,
    userId: user.id,
    userName: user.name,
    deviceId: device?.id ?? null,
    deviceKeyThumbprint: device?.keyThumbprint ?? null,
    issuedAtMs: nowMs,
    expiresAtMs,
  })
}

/** So that an exchange which may decide without control may also open flows without it, for an hour at most. */
export function statementMs(staleAfterSeconds: number): number {
  return Math.min(Math.max(staleAfterSeconds * 1000, caps.statementMs.default), caps.statementMaxMs.default)
}

async function certify(request: Extract<FeedRequest, { type: 'certificate' }>, deps: RequestDeps): Promise<unknown> {
  const { context, exchange } = deps
  const { publicKeySpki, thumbprint } = await readCsr(request.csrPem)
  const { authority, store } = context
  switch (request.use) {
    case 'identity': {
      // The key is the identity: a new one means enrolling again.
      if (thumbprint !== exchange.keyThumbprint) throw new Fault('certificate-refused')
      const issued = await authority.issueExchange(exchange.id, publicKeySpki)
      await store.provider
        .updateTable('exchanges')
        .set({ certificateUntilMs: issued.notAfterMs })
        .where('exchanges.id', '=', exchange.id)
        .execute()
      return issued
    }
    case 'doors':
      return authority.issueDoors(exchange.id, publicKeySpki)
    case 'web': {
      const { tenant, ownHosts } = await hostsOf(request.tenantId, context)
      const { domain, appsDomain } = context.config
      const names = [`*.${tenant.name}.${appsDomain}`, `${tenant.name}.web.${domain}`, ...ownHosts]
      return authority.issueWeb(publicKeySpki, names)
    }
    case 'inspection': {
      const { tenant, ownHosts } = await hostsOf(request.tenantId, context)
      return authority.issueInspection(tenant.id, publicKeySpki, ownHosts)
    }
  }
}

async function hostsOf(tenantId: string | null, context: ControlContext) {
  if (tenantId === null) throw new Fault('request-malformed')
  const tenant = (await context.mirrors.current(tenantId)).get('tenant', tenantId)
  if (!tenant) throw new Fault('not-found')
  const rows = await context.store.provider
    .selectFrom('hosts')
    .select('hosts.host')
    .where('hosts.tenantId', '=', tenantId)
    .orderBy('hosts.host')
    .execute()
  return { tenant, ownHosts: rows.map(({ host }) => host) }
}

async function renewDevice(
  { tenantId, deviceId, csrPem }: Extract<FeedRequest, { type: 'renew-device' }>,
  context: ControlContext,
): Promise<{ readonly certificatePem: string }> {
  const { publicKeySpki, thumbprint } = await readCsr(csrPem)
  const device = (await context.mirrors.current(tenantId)).get('device', deviceId)
  if (device?.status !== 'active' || device.keyThumbprint !== thumbprint) throw new Fault('certificate-refused')
  const user = await userRow(context.store.forTenant(tenantId), device.userId)
  await requireRenewable(tenantId, { kind: 'device', id: deviceId }, user, context)
  const { certificatePem, notAfterMs } = await context.authority.issueDevice(tenantId, deviceId, publicKeySpki)
  await context.store
    .forTenant(tenantId)
    .updateTable('devices')
    .set({ certificateUntilMs: notAfterMs })
    .where('devices.id', '=', deviceId)
    .execute()
  return { certificatePem }
}

/** A lease outlives no certificate that it let be renewed. Throws Fault `certificate-refused`. */
async function requireRenewable(
  tenantId: string,
  subject: Subject,
  user: Row<'resources'> | undefined,
  { store, nowMs }: ControlContext,
): Promise<void> {
  const handle = store.forTenant(tenantId)
  const subjects = [subject, ...(user === undefined ? [] : await subjectsOfUser(handle, user))]
  if ((await containedUntil(handle, subjects, nowMs())) !== undefined)
    throw new Fault('certificate-refused', { detail: { why: 'contained' } })
}

async function renewConnector(
  { tenantId, connectorId, csrPem }: Extract<FeedRequest, { type: 'renew-connector' }>,
  context: ControlContext,
): Promise<{ readonly certificatePem: string }> {
  const { publicKeySpki, thumbprint } = await readCsr(csrPem)
  const connector = (await context.mirrors.current(tenantId)).get('connector', connectorId)
  if (connector?.status !== 'active' || connector.keyThumbprint !== thumbprint) throw new Fault('certificate-refused')
  await requireRenewable(tenantId, { kind: 'connector', id: connectorId }, undefined, context)
  const { certificatePem, notAfterMs } = await context.authority.issueConnector(tenantId, connectorId, publicKeySpki)
  await context.store
    .forTenant(tenantId)
    .updateTable('connectors')
    .set({ certificateUntilMs: notAfterMs })
    .where('connectors.id', '=', connectorId)
    .execute()
  return { certificatePem }
}

export async function sliceOf(
  tenantId: string,
  connectorId: string,
  { context, snapshots }: Pick<RequestDeps, 'context' | 'snapshots'>,
): Promise<string> {
  const mirror = await context.mirrors.current(tenantId)
  const staleAfterSeconds = mirror.get('tenant', tenantId)?.staleAfterSeconds ?? 1
  const deps: SliceDeps = {
    ...snapshots,
    identityCaPem: await context.authority.identityCaPem(tenantId),
    exchangeCaPem: context.authority.exchangeCaPem,
    statementKeys: context.authority.statementKeys,
    // The most, not what the tenant's setting gives now: it may have been longer when a statement was made.
    statementMs: caps.statementMaxMs.default,
    staleAfterSeconds,
    apart: (handle) => drillWall(handle, context),
  }
  return makeSlice(context.store.forTenant(tenantId), mirror, connectorId, deps)
}
