// The connector link door and the park door: who may speak as a connector, and whose sockets wait here. Must never let
// two links speak for one connector, nor keep its sockets when its link is gone.
import { asFault, Fault } from '#core/fault.ts'
import { isId } from '#core/ids.ts'
import { caps } from '#exchange/caps.ts'
import type { Incoming } from '#exchange/accept.ts'
import { logFault, type ExchangeContext } from '#exchange/context.ts'
import type { Parking } from '#exchange/flows/parking.ts'
import { identifyConnector } from '#exchange/identify.ts'
import { ConnectorLink } from './connector-link.ts'
import type { Secured } from './tls-doors.ts'

export type LinkDoor = {
  readonly enter: (secured: Secured) => void
  readonly park: (incoming: Incoming) => void
}

export function createLinkDoor(context: ExchangeContext, parking: Parking): LinkDoor {
  const { links, feed } = context

  return {
    enter(secured) {
      try {
        accept(secured)
      } catch (error) {
        const fault = asFault(error)
        context.count('refused')
        context.journal.refused(secured.tenant, {
          reason: fault.code,
          clientIp: secured.incoming.clientIp,
          host: secured.incoming.serverName,
          connectorId: typeof fault.detail['id'] === 'string' ? fault.detail['id'] : null,
        })
        logFault(context.log, 'connector link refused', fault)
        secured.socket.destroy()
      }
    },
    park({ socket, bytes }) {
      parking.admit(socket, bytes).catch((error: unknown) => {
        context.count('refused')
        logFault(context.log, 'park door', asFault(error))
      })
    },
  }

  function accept({ tenant, socket, incoming }: Secured): void {
    if (context.isDraining()) throw new Fault('closing')
    const connector = identifyConnector(tenant, socket)
    if (!isId('connector', connector.id)) throw new Fault('certificate-refused')
    // Reports name each of them, and connectors that are not named hear of no revocation.
    if (links.countOf(tenant.id) >= caps.linksPerTenant.default) throw new Fault('at-capacity')
    const identity = context.identity()
    new ConnectorLink(
      socket,
      {
        tenantId: tenant.id,
        connectorId: connector.id,
        keyThumbprint: connector.keyThumbprint,
        notAfterMs: socket.getPeerX509Certificate()?.validToDate.getTime() ?? 0,
        exchangeId: identity.exchangeId,
        exchanges: context.welcome()?.exchanges ?? [context.publicAddress],
        // The door's certificate is for the exchange's own key.
        signingKey: identity.key,
        sinceMs: context.now(),
      },
      {
        parking,
        slice: async (tenantId, connectorId) => (await feed.ask({ type: 'slice', tenantId, connectorId })).token,
        renew: async (tenantId, connectorId, csrPem) =>
          (await feed.ask({ type: 'renew-connector', tenantId, connectorId, csrPem })).certificatePem,
        onReady(link) {
          const older = links.add(link)
          older?.destroy(new Fault('closing', { detail: { why: 'the connector linked again' } }))
          context.log('connector linked', { tenantId: tenant.id, connectorId: connector.id, ip: incoming.clientIp })
        },
        isOwnApp(appId) {
          const current = context.directory.get(tenant.id)
          const groupId = current?.connectors.get(connector.id)?.groupId
          return groupId !== undefined && current?.apps.get(appId)?.connectorGroupId === groupId
        },
        onChange: (link) => links.noteChange(link.tenantId),
        onClosed(link, fault) {
          links.remove(link)
          if (links.get(link.tenantId, link.connectorId) === undefined) parking.drop(link.connectorId)
          context.log('connector link closed', { connectorId: link.connectorId, code: fault?.code ?? 'ended' })
        },
      },
    )
  }
}
