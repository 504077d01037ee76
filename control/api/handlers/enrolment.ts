// Enrolment: a one-time token or an access token, and a key whose holder proves it, become a certificate. Must never
// accept a token twice, nor bring back a key that was revoked.
import { journalEvent } from '#core/events/event.ts'
import { asFault, Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import { readCsr } from '#transport/read-csr.ts'
import type { ApiContext, Some } from '#control/api/call.ts'
import { hashSecret } from '#control/api/principal.ts'
import { caps } from '#control/caps.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { endSessionsOf } from '#control/directory/cascade.ts'
import { createSessions, userRow } from '#control/directory/sessions.ts'
import { connectorRecord, deviceRecord, type Row } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import type { TenantTransaction } from '#control/store/tenant-handle.ts'

const REGISTERED = 1

export const enrolmentHandlers: Some<'enrol' | 'deviceSignIn' | 'health'> = {
  enrol: async ({ context, body, ip }) => {
    const { store, authority } = context
    const hash = hashSecret(body.token.split('~')[0] ?? '')
    const place = await store.provider
      .selectFrom('secretIndex')
      .select('secretIndex.tenantId')
      .where('secretIndex.hash', '=', hash)
      .where('secretIndex.kind', '=', 'enrolmentToken')
      .executeTakeFirst()
    if (!place) throw new Fault('token-invalid')
    const { tenantId } = place
    // After the look-up, so that strangers cost us no signature check; before the token is spent, so that a broken
    // request does not cost the token.
    const { publicKeySpki, thumbprint } = await readCsr(body.csrPem)
    const enrol = store.forTenant(tenantId).transaction(async (tx) => {
      const tenant = await readTenant(tx)
      const nowMs = context.nowMs()
      const token = await tx
        .updateTable('enrolmentTokens')
        .set({ usedAtMs: nowMs })
        .where('enrolmentTokens.hash', '=', hash)
        .where('enrolmentTokens.usedAtMs', 'is', null)
        .where('enrolmentTokens.expiresAtMs', '>', nowMs)
        .returningAll()
        .executeTakeFirst()
      if (tenant.status !== 'active') throw new Fault('token-invalid')
      if (!token) throw await spentToken(tx, hash, nowMs)
      const id =
        token.use === 'connector'
          ? await addConnector(tx, token, { name: body.name, thumbprint, nowMs })
          : await addExchange(tx, token, { software: body.software ?? '', thumbprint, nowMs })
      return { id, use: token.use, tenant, tokenId: token.id }
    })
    const enrolled = await enrol.catch(async (error: unknown) => {
      await recordRefusedToken(context, tenantId, hash, asFault(error), ip)
      throw error
    })
    const { id, use, tenant } = enrolled
    await recordEnrolment(context, tenantId, { id, kind: use, ip, userId: null })
    const issued =
      use === 'connector'
        ? await authority.issueConnector(tenantId, id, publicKeySpki)
        : await authority.issueExchange(id, publicKeySpki)
    return {
      id,
      use,
      tenant: tenant.name,
      tenantId,
      certificatePem: issued.certificatePem,
      ...(await installation(context, tenantId)),
      statementKeys: [...authority.statementKeys],
      sliceKeys: [...authority.snapshotKeys],
      feedAddress: use === 'exchange' ? context.feedAddress : null,
    }
  },

  deviceSignIn: async ({ context, body, ip }) => {
    const facts = (await context.links.signIn?.verifyAccessToken(body.accessToken)) ?? null
    // A token that was asked for the API must not turn into a device.
    const isForAgents = facts !== null && facts.scopes.includes('agent') && facts.expiresAtMs > context.nowMs()
    if (!isForAgents) throw new Fault('token-invalid')
    const { tenantId, userId } = facts
    return openDevice(
      {
        tenantId,
        userId,
        ...body,
        factors: facts.factors,
        ip,
        expiresAtMs: facts.signInExpiresAtMs,
        before: (tx) => spend(tx, body.accessToken, facts.expiresAtMs),
        after: async (sessionId) => context.links.signIn?.bindSession(tenantId, facts.grantId, sessionId),
      },
      context,
    )
  },

  health: async ({ context }) => {
    const isStoreUp = await context.store.provider
      .selectFrom('settings')
      .select('settings.name')
      .limit(1)
      .execute()
      .then(
        () => true,
        () => false,
      )
    return { status: isStoreUp ? 'ok' : 'degraded', version: context.config.software }
  },
}

export type OpeningDevice = {
  readonly tenantId: string
  readonly userId: string
  readonly csrPem: string
  readonly name: string
  readonly os: string
  readonly factors: readonly string[]
  readonly ip: string
  readonly expiresAtMs: number
  /** In the transaction that adds the device; throws to refuse. */
  readonly before: (tx: TenantTransaction) => Promise<void>
  readonly after: (sessionId: string) => Promise<unknown>
}

/** A person's device with its certificate and its one agent session. Whoever calls has proof of who the person is. */
export async function openDevice(opening: OpeningDevice, context: ApiContext) {
  const { store, authority } = context
  const { tenantId, userId, name, os, ip } = opening
  const { publicKeySpki, thumbprint } = await readCsr(opening.csrPem)
  const device = await store.forTenant(tenantId).transaction(async (tx) => {
    await opening.before(tx)
    const found = await addDevice(tx, userId, { name, os, thumbprint, nowMs: context.nowMs() })
    // Signing in again on a device replaces what it had: one device, one agent session.
    const ended = await endSessionsOf(tx, { deviceId: found.id }, 'replaced', context.nowMs())
    await tx.appendChanges([{ op: 'put', record: deviceRecord(found) }, ...ended])
    return found
  })
  const session = await createSessions(context).create({
    tenantId,
    userId,
    deviceId: device.id,
    door: 'agent',
    factors: opening.factors,
    ip,
    expiresAtMs: opening.expiresAtMs,
  })
  await opening.after(session.id)
  const issued = await authority.issueDevice(tenantId, device.id, publicKeySpki)
  await store
    .forTenant(tenantId)
    .updateTable('devices')
    .set({ certificateUntilMs: issued.notAfterMs })
    .where('devices.id', '=', device.id)
    .execute()
  await recordEnrolment(context, tenantId, { id: device.id, kind: 'device', ip, userId })
  const tenant = await readTenant(store.forTenant(tenantId))
  const user = await userRow(store.forTenant(tenantId), userId)
  return {
    tenant: tenant.name,
    tenantId,
    user: user?.name ?? '',
    deviceId: device.id,
    sessionId: session.id,
    sessionExpiresAt: isoTime(session.expiresAtMs),
    certificatePem: issued.certificatePem,
    identityCaPem: [...(await authority.identityCaPem(tenantId))],
    ...(await installation(context, tenantId)),
    inspectionCaPem: [...(await authority.inspectionCaPem(tenantId))],
  }
}

async function installation({ store, authority, config }: ApiContext, tenantId: string) {
  const rows = await store.provider
    .selectFrom('exchanges')
    .select(['exchanges.address', 'exchanges.tenantIds'])
    .where('exchanges.status', '=', 'active')
    .execute()
  const exchanges = rows
    .filter(
      ({ address, tenantIds }) => address !== '' && (tenantIds === null || JSON.parse(tenantIds).includes(tenantId)),
    )
    .map(({ address }) => address)
  return { doorsCaPem: authority.exchangeCaPem.join(''), domain: config.domain, exchanges }
}

type Enrolling = { readonly thumbprint: string; readonly nowMs: number }

async function addConnector(
  tx: TenantTransaction,
  token: Row<'enrolmentTokens'>,
  { name, thumbprint, nowMs }: Enrolling & { readonly name: string | undefined },
): Promise<string> {
  const group = await tx
    .selectFrom('resources')
    .select('resources.id')
    .where('resources.kind', '=', 'ConnectorGroup')
    .where('resources.id', '=', token.targetId ?? '')
    .executeTakeFirst()
  if (!group) throw new Fault('token-invalid')
  const known = await tx
    .selectFrom('connectors')
    .select('connectors.id')
    .where('connectors.keyThumbprint', '=', thumbprint)
    .executeTakeFirst()
  if (known) throw new Fault('enrolment-refused', { hint: 'This key was enrolled before; make a new one.' })
  const id = newId('connector')
  const row: Row<'connectors'> = {
    tenantId: tx.tenantId,
    id,
    name: name ?? `${token.target}-${id.slice(-4)}`,
    groupId: group.id,
    keyThumbprint: thumbprint,
    status: 'active',
    certificateUntilMs: nowMs + caps.certificateHours.default * 3_600_000,
    lastSeenAtMs: null,
    createdAtMs: nowMs,
  }
  await tx.insertInto('connectors', row).execute()
  await tx.appendChanges([{ op: 'put', record: connectorRecord(row) }])
  return id
}

async function addExchange(
  tx: TenantTransaction,
  token: Row<'enrolmentTokens'>,
  { thumbprint, nowMs, software }: Enrolling & { readonly software: string },
): Promise<string> {
  const known = await tx.provider
    .selectFrom('exchanges')
    .select('exchanges.id')
    .where('exchanges.keyThumbprint', '=', thumbprint)
    .executeTakeFirst()
  if (known) throw new Fault('enrolment-refused', { hint: 'This key was enrolled before; make a new one.' })
  const id = newId('exchange')
  await tx.provider
    .insertInto('exchanges', {
      id,
      name: token.target,
      keyThumbprint: thumbprint,
      status: 'active',
      address: '',
      software,
      assertionKey: null,
      journalKeys: '[]',
      tenantIds: null,
      createdAtMs: nowMs,
      lastSeenAtMs: null,
      certificateUntilMs: nowMs + caps.certificateHours.default * 3_600_000,
    })
    .execute()
  return id
}

/** One token, one device: whoever got hold of it later, or sends it again, gets nothing. Swept when it expires. */
async function spend(tx: TenantTransaction, accessToken: string, expiresAtMs: number): Promise<void> {
  const row = { kind: 'device-sign-in', keyHash: hashSecret(accessToken), userId: null, sealed: '', expiresAtMs }
  const added = await tx
    .insertInto('signInOneTime', row)
    .onConflict((conflict) => conflict.columns(['tenantId', 'kind', 'keyHash']).doNothing())
    .returning('keyHash')
    .execute()
  if (added.length === 0) throw new Fault('token-invalid')
}

/** Same user and same key: the same device. A key that was revoked stays so, whoever brings it. */
async function addDevice(
  tx: TenantTransaction,
  userId: string,
  { name, os, thumbprint, nowMs }: Enrolling & { readonly name: string; readonly os: string },
): Promise<Row<'devices'>> {
  const ofKey = await tx.selectFrom('devices').selectAll().where('devices.keyThumbprint', '=', thumbprint).execute()
  if (ofKey.some(({ status }) => status !== 'active'))
    throw new Fault('enrolment-refused', { hint: 'This device was revoked.' })
  if (ofKey.some((device) => device.userId !== userId))
    throw new Fault('enrolment-refused', { hint: 'This key is the device of somebody else; make a new one.' })
  const [known] = ofKey
  if (known) {
    await tx.updateTable('devices').set({ name, os }).where('devices.id', '=', known.id).execute()
    return { ...known, name, os }
  }
  const own = await tx
    .selectFrom('devices')
    .select('devices.id')
    .where('devices.userId', '=', userId)
    .where('devices.status', '=', 'active')
    .execute()
  if (own.length >= caps.devicesPerUser.default)
    throw new Fault('enrolment-refused', { hint: 'Too many devices; revoke one first.' })
  const row: Row<'devices'> = {
    tenantId: tx.tenantId,
    id: newId('device'),
    name,
    userId,
    keyThumbprint: thumbprint,
    posture: REGISTERED,
    os,
    status: 'active',
    certificateUntilMs: null,
    lastSeenAtMs: null,
    createdAtMs: nowMs,
  }
  await tx.insertInto('devices', row).execute()
  return row
}

/** Whoever brings a token that was ours may know what became of it; a stranger's guess never gets here. */
async function spentToken(tx: TenantTransaction, hash: string, nowMs: number): Promise<Fault> {
  const token = await tx
    .selectFrom('enrolmentTokens')
    .select(['enrolmentTokens.usedAtMs', 'enrolmentTokens.expiresAtMs'])
    .where('enrolmentTokens.hash', '=', hash)
    .executeTakeFirst()
  if (!token) return new Fault('token-invalid')
  const { usedAtMs, expiresAtMs } = token
  if (usedAtMs !== null)
    return new Fault('token-invalid', {
      hint: `It was used at ${isoTime(usedAtMs)}. If that was not you, revoke what it enrolled; either way, make a new one.`,
      detail: { why: 'used' },
    })
  const why = expiresAtMs <= nowMs ? 'expired' : 'refused'
  return new Fault('token-invalid', { hint: `It expired at ${isoTime(expiresAtMs)}; make a new one.`, detail: { why } })
}

/** Token → when its refusal was last recorded: a token that is tried in a loop must not fill the journal. */
const refusals = new Map<string, number>()
const REFUSAL_EVERY_MS = 60_000
const MAX_REFUSALS = 10_000

async function recordRefusedToken(
  { store, journal, nowMs, log }: ApiContext,
  tenantId: string,
  hash: string,
  fault: Fault,
  ip: string,
): Promise<void> {
  if ((refusals.get(hash) ?? 0) > nowMs() - REFUSAL_EVERY_MS) return
  refusals.delete(hash)
  refusals.set(hash, nowMs())
  for (const oldest of refusals.keys()) {
    if (refusals.size <= MAX_REFUSALS) break
    refusals.delete(oldest)
  }
  const token = await store
    .forTenant(tenantId)
    .selectFrom('enrolmentTokens')
    .select(['enrolmentTokens.id', 'enrolmentTokens.use', 'enrolmentTokens.target'])
    .where('enrolmentTokens.hash', '=', hash)
    .executeTakeFirst()
  const why = fault.detail['why']
  const event = journalEvent('apiActivity', 'create', {
    uid: newId('event'),
    timeMs: nowMs(),
    tenantId,
    outcome: 'failure',
    severity: 3,
    source: { ip },
    message: `An enrolment was refused: ${fault.message}`,
    api: { operation: 'enrol', ...(token && { target: token.id, resourceKind: token.use }) },
    extra: { code: fault.code, ...(typeof why === 'string' && { reason: why }), ...(token && { for: token.target }) },
  })
  // The refusal stands whether or not it could be written down.
  await journal.record(tenantId, event).catch((error: unknown) => log('refusal not recorded', { error: String(error) }))
}

async function recordEnrolment(
  context: ApiContext,
  tenantId: string,
  what: { readonly id: string; readonly kind: string; readonly ip: string; readonly userId: string | null },
): Promise<void> {
  const user = what.userId === null ? undefined : await userRow(context.store.forTenant(tenantId), what.userId)
  await context.journal.record(
    tenantId,
    journalEvent('apiActivity', 'create', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId,
      outcome: 'success',
      source: { ip: what.ip },
      ...(user && { user: { uid: user.id, name: user.name } }),
      api: { operation: 'enrol', target: what.id, resourceKind: what.kind },
    }),
  )
}
