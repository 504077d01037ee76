// Sessions, devices and connectors of a tenant: what is there, and how it is ended for good.
import { Fault } from '#core/fault.ts'
import type { ConnectorView, DeviceView, SessionView } from '#core/api/views.ts'
import type { ConnectorStatus } from '#control/context.ts'
import { isoTime } from '#control/directory/access-requests.ts'
import { endSessionsOf } from '#control/directory/cascade.ts'
import { listDevices } from '#control/directory/device-list.ts'
import { listSessions } from '#control/directory/session-list.ts'
import { createSessions } from '#control/directory/sessions.ts'
import { connectorRecord, deviceRecord, type Row } from '#control/records/from-rows.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { Some } from '#control/api/call.ts'
import { mapPage, pageOf } from '#control/api/page.ts'

export const memberHandlers: Some<
  'listSessions' | 'endSession' | 'listDevices' | 'changeDevice' | 'revokeDevice' | 'listConnectors' | 'revokeConnector'
> = {
  listSessions: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const page = await listSessions(tenant, query, context.nowMs())
    return mapPage(page, (row) => sessionView(row, mirror))
  },

  endSession: async ({ context, tenantId, params, record, effect }) => {
    const id = params['id'] ?? ''
    const sequence = await createSessions(context).end(tenantId, id, 'administrator')
    if (sequence === null) throw new Fault('not-found')
    await record({ target: id, resourceKind: 'session' })
    await context.links.signIn?.endSession(tenantId, id, 'administrator')
    return effect(sequence)
  },

  listDevices: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    return mapPage(await listDevices(tenant, query), (row) => deviceView(row, mirror))
  },

  changeDevice: async ({ context, tenant, tenantId, params, body, record }) => {
    const id = params['id'] ?? ''
    const { before, after } = await tenant.transaction(async (tx) => {
      const row = await tx.selectFrom('devices').selectAll().where('devices.id', '=', id).executeTakeFirst()
      if (!row) throw new Fault('not-found')
      const changed: Row<'devices'> = { ...row, posture: body.posture }
      await tx.updateTable('devices').set({ posture: body.posture }).where('devices.id', '=', id).execute()
      await tx.appendChanges([{ op: 'put', record: deviceRecord(changed) }])
      return { before: row, after: changed }
    })
    await record({
      target: id,
      resourceKind: 'device',
      details: { before: { posture: before.posture }, after: { posture: after.posture } },
    })
    return deviceView(after, await context.mirrors.current(tenantId))
  },

  revokeDevice: async ({ context, tenant, params, record, effect }) => {
    const id = params['id'] ?? ''
    const sequence = await tenant.transaction(async (tx) => {
      const row = await tx.selectFrom('devices').selectAll().where('devices.id', '=', id).executeTakeFirst()
      if (!row) throw new Fault('not-found')
      const ended = await endSessionsOf(tx, { deviceId: id }, 'device-revoked', context.nowMs())
      // The row stays: a key that was revoked must never be enrolled again.
      await tx.updateTable('devices').set({ status: 'revoked' }).where('devices.id', '=', id).execute()
      return tx.appendChanges([{ op: 'put', record: deviceRecord({ ...row, status: 'revoked' }) }, ...ended])
    })
    await record({ target: id, resourceKind: 'device' })
    return effect(sequence)
  },

  listConnectors: async ({ context, tenant, tenantId, query }) => {
    const mirror = await context.mirrors.current(tenantId)
    const statuses = context.links.feed?.connectorsOf(tenantId) ?? []
    const rows = await tenant.selectFrom('connectors').selectAll().execute()
    const page = pageOf(
      rows,
      query,
      ({ id }) => id,
      ({ name, groupId }) => `${name} ${mirror.get('connectorGroup', groupId)?.name ?? ''}`,
    )
    return mapPage(page, (row) => connectorView(row, mirror, statuses))
  },

  revokeConnector: async ({ tenant, params, record, effect }) => {
    const id = params['id'] ?? ''
    const sequence = await tenant.transaction(async (tx) => {
      const row = await tx.selectFrom('connectors').selectAll().where('connectors.id', '=', id).executeTakeFirst()
      if (!row) throw new Fault('not-found')
      await tx.updateTable('connectors').set({ status: 'revoked' }).where('connectors.id', '=', id).execute()
      return tx.appendChanges([{ op: 'put', record: connectorRecord({ ...row, status: 'revoked' }) }])
    })
    await record({ target: id, resourceKind: 'connector' })
    return effect(sequence)
  },
}

export function sessionView(row: Row<'sessions'>, mirror: TenantMirror): SessionView {
  const { id, userId, deviceId, door, factors, ip } = row
  return {
    id,
    user: mirror.get('user', userId)?.name ?? userId,
    userId,
    device: deviceId === null ? null : (mirror.get('device', deviceId)?.name ?? deviceId),
    deviceId,
    door,
    factors: JSON.parse(factors),
    ip,
    createdAt: isoTime(row.createdAtMs),
    expiresAt: isoTime(row.expiresAtMs),
    lastSeenAt: isoTime(row.lastSeenAtMs),
  }
}

function deviceView(row: Row<'devices'>, mirror: TenantMirror): DeviceView {
  const { id, name, posture, os, status } = row
  return {
    id,
    name,
    user: mirror.get('user', row.userId)?.name ?? row.userId,
    posture,
    os,
    status,
    certificateUntil: row.certificateUntilMs === null ? null : isoTime(row.certificateUntilMs),
    createdAt: isoTime(row.createdAtMs),
    lastSeenAt: row.lastSeenAtMs ? isoTime(row.lastSeenAtMs) : null,
  }
}

function connectorView(
  row: Row<'connectors'>,
  mirror: TenantMirror,
  statuses: readonly ConnectorStatus[],
): ConnectorView {
  const own = statuses.filter(({ connectorId }) => connectorId === row.id)
  return {
    id: row.id,
    name: row.name,
    group: mirror.get('connectorGroup', row.groupId)?.name ?? row.groupId,
    status: row.status,
    certificateUntil: row.certificateUntilMs === null ? null : isoTime(row.certificateUntilMs),
    createdAt: isoTime(row.createdAtMs),
    lastSeenAt: row.lastSeenAtMs ? isoTime(row.lastSeenAtMs) : null,
    connected: own.map(({ exchangeId, sinceMs, liveFlows, parked }) => ({
      exchangeId,
      since: isoTime(sinceMs),
      liveFlows,
      parked,
    })),
    unhealthyApps: own.flatMap(({ unhealthyApps }) =>
      unhealthyApps.map(({ appId, detail }) => ({ app: mirror.get('app', appId)?.name ?? appId, detail })),
    ),
  }
}
