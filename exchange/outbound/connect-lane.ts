// The lane of a session to a site, and how its connections are made: TLS no weaker than the person's own, and only to a
// site whose certificate the tenant, or the person after a warning, accepts. Must never reuse a connection that was
// accepted under other rules.
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import type { WebSettings } from '#core/records/outbound.ts'
import type { Access } from '#exchange/decide.ts'
import { isCertificateRequired, CERTIFICATE_TOPIC, faultOfStop } from './stop.ts'
import { actionFor } from './origin-certificate.ts'
import type { OutboundParts } from './parts.ts'
import type { SecuredOrigin } from './origin.ts'
import type { WebLane } from './web-lane.ts'
import type { WebRequest } from './web-request.ts'

export type LaneProtocols = 'http1' | 'http2'

/** `http2`: the site may choose; else HTTP/1.1, unless the site speaks nothing but HTTP/2. */
export function connectLane(
  parts: OutboundParts,
  wanted: WebRequest,
  access: Access,
  protocols: LaneProtocols,
): WebLane {
  const { tenant, session, scheme, host, port } = wanted
  const origin = `${scheme}://${host}:${port}`
  const at = { tenantId: tenant.id, sessionId: session.id, origin, rules: rulesOf(parts, wanted, protocols) }
  return parts.lanes.of(at, () => ({
    tenant,
    access: { ...access, http: null },
    origin,
    connect: () => connectSite(parts, wanted, access, protocols),
    refreshed: parts.access.refreshed,
  }))
}

/** Records are never changed in place: the same object says the same. */
const certificateRules = new WeakMap<WebSettings['certificates'], string>()

/** Everything that a connection of the lane was accepted under. */
function rulesOf({ goOns }: OutboundParts, wanted: WebRequest, protocols: LaneProtocols): string {
  if (wanted.scheme === 'http') return 'plain'
  const { certificates } = wanted.tenant.webSettings ?? {}
  const isAccepted = goOns.isAllowed(wanted.session.id, wanted.host, CERTIFICATE_TOPIC)
  const asked =
    certificates === undefined
      ? ''
      : certificateRules.getOrInsertComputed(certificates, () => JSON.stringify(certificates))
  return `${protocols} ${wanted.minVersion} ${isAccepted} ${asked}`
}

/** A connection of its own, for what never goes back to a pool. Throws Faults; a certificate problem as a stop. */
export async function connectSite(
  parts: OutboundParts,
  wanted: WebRequest,
  access: Access,
  protocols: LaneProtocols,
): Promise<Socket> {
  if (wanted.scheme === 'http') return parts.origins.connect(wanted)
  const secured = await secureSite(parts, wanted, protocols)
  try {
    requireCertificate(parts, wanted, access, secured)
  } catch (error) {
    secured.socket.destroy()
    throw error
  }
  return secured.socket
}

async function secureSite(
  { origins }: OutboundParts,
  wanted: WebRequest,
  protocols: LaneProtocols,
): Promise<SecuredOrigin> {
  const { minVersion } = wanted
  const both = ['h2', 'http/1.1']
  if (protocols === 'http2') return origins.secure(wanted, { minVersion, alpn: both })
  try {
    return await origins.secure(wanted, { minVersion, alpn: ['http/1.1'] })
  } catch (error) {
    // Alert 120: the site speaks HTTP/2 and nothing else.
    const isRefused = error instanceof Fault && String(error.detail['why']).includes('NO_APPLICATION_PROTOCOL')
    if (!isRefused) throw error
    return origins.secure(wanted, { minVersion, alpn: both })
  }
}

function requireCertificate(
  { context, goOns }: OutboundParts,
  { tenant, session, host }: WebRequest,
  access: Access,
  { problems }: SecuredOrigin,
): void {
  if (problems === undefined) return
  const settings = tenant.webSettings
  const action = settings === undefined ? 'block' : actionFor(problems, settings)
  const isAccepted = action === 'warn' && goOns.isAllowed(session.id, host, CERTIFICATE_TOPIC)
  const passes = action === 'pass' || isAccepted
  // Never hidden: also what passes is written down.
  context.journal.found(tenant, access, {
    what: 'certificate of a site does not verify',
    severity: passes ? 2 : 3,
    outcome: passes ? 'success' : 'failure',
    web: { problems: problems.problems, detail: problems.detail, action, accepted: isAccepted },
  })
  if (passes) return
  throw faultOfStop({ kind: 'certificate', problems: problems.problems, mayGoOn: action === 'warn' })
}

/** A site that asked for a client certificate is passed through from the next connection on. */
export function learnClientCertificate(parts: OutboundParts, { tenant, host }: WebRequest, error: unknown): boolean {
  if (!isCertificateRequired(error)) return false
  parts.clientCertificateSites.learn(tenant.id, host)
  return true
}
