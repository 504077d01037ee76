// One TLS connection at the agent door: which device it is, held against the snapshot on every request. Must never be
// taken for another device, nor outlive its own.
import type { TLSSocket } from 'node:tls'
import type { DeviceRecord, SessionRecord } from '#core/records/records.ts'
import { Fault } from '#core/fault.ts'
import type { TenantDirectory } from '#exchange/tenant/directory.ts'
import { Multimap } from '#exchange/tenant/multimap.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { agentSession, identifyDevice } from '#exchange/identify.ts'
import type { Secured } from './tls-doors.ts'

export type AgentConnection = {
  readonly tenantId: string
  readonly deviceId: string
  readonly thumbprint: string
  readonly notAfterMs: number
  readonly clientIp: string
  readonly socket: TLSSocket
}

/** Who asks, by the records of now. */
export type AgentAsker = {
  readonly tenant: Tenant
  readonly device: DeviceRecord
  readonly session: SessionRecord | undefined
  readonly clientIp: string
}

export class AgentConnections {
  readonly #bySocket = new WeakMap<object, AgentConnection>()
  readonly #byDevice = new Multimap<string, AgentConnection>()
  readonly #directory: TenantDirectory

  constructor(directory: TenantDirectory) {
    this.#directory = directory
  }

  /** Throws Fault `certificate-refused`. */
  add({ tenant, socket, incoming }: Secured): AgentConnection {
    const device = identifyDevice(tenant, socket)
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw new Fault('certificate-refused')
    const connection: AgentConnection = {
      tenantId: tenant.id,
      deviceId: device.id,
      // Compared with the certificate's a moment ago.
      thumbprint: device.keyThumbprint,
      notAfterMs: certificate.validToDate.getTime(),
      clientIp: incoming.clientIp,
      socket,
    }
    this.#bySocket.set(socket, connection)
    this.#byDevice.add(device.id, connection)
    socket.once('close', () => this.#byDevice.delete(device.id, connection))
    return connection
  }

  /** Who asks on this connection now; throws Fault `certificate-refused` when the device is not what it was. */
  askerOn(socket: object, nowMs: number): AgentAsker {
    const connection = this.#bySocket.get(socket)
    if (connection === undefined) throw new Fault('certificate-refused')
    const { tenantId, deviceId, thumbprint, notAfterMs, clientIp } = connection
    // An open connection does not outlive its certificate: the agent comes back with a newer one.
    if (notAfterMs <= nowMs) throw new Fault('certificate-refused', { detail: { why: 'expired', deviceId } })
    const tenant = this.#directory.get(tenantId)
    const device = tenant?.devices.get(deviceId)
    if (tenant === undefined || device?.status !== 'active' || device.keyThumbprint !== thumbprint) {
      throw new Fault('certificate-refused', { detail: { why: 'device revoked or changed', deviceId } })
    }
    return { tenant, device, session: agentSession(tenant, device, nowMs), clientIp }
  }

  /** Ends the connections of a device that is not what it was when they were accepted. */
  recheck(deviceId: string): void {
    for (const connection of this.#byDevice.get(deviceId)) {
      const device = this.#directory.get(connection.tenantId)?.devices.get(deviceId)
      const isSame = device?.status === 'active' && device.keyThumbprint === connection.thumbprint
      if (!isSame) connection.socket.destroy()
    }
  }
}
