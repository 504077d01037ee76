// What agents ask at their door: who am I, open a flow, renew my certificate, end my session. Must never answer with an address behind a
// connector, nor about anything of another person.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { FLOWS_PATH, openFlow, SIGN_OUT_PATH, WHOAMI_PATH, type Whoami } from '#core/wire/flow.ts'
import { adviceFor } from '#core/policy/advice.ts'
import { deny } from '#core/policy/decide.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { SessionRecord, UserRecord } from '#core/records/records.ts'
import { Fault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import { portalOrigin, type ExchangeContext } from '#exchange/context.ts'
import { decide } from '#exchange/decide.ts'
import type { DnsDoor } from '#exchange/dns/dns-door.ts'
import type { AnyRequest, AnyResponse } from '#exchange/pages/answer.ts'
import { pageHeaders, REASON_HEADER } from '#exchange/pages/denial.ts'
import type { AgentAsker } from './agent-connection.ts'
import type { SealedFlows } from './sealed-flow.ts'

export type AgentApi = {
  /** Answers a request in origin form. Throws Faults, which the door answers. */
  readonly answer: (request: IncomingMessage, response: ServerResponse, asker: AgentAsker) => Promise<void>
  /** HTTP/2 is for names only. */
  readonly answerName: (request: AnyRequest, response: AnyResponse, asker: AgentAsker) => Promise<void>
}

const RENEW_PATH = '/v1/renew'

export function createAgentApi(context: ExchangeContext, sealed: SealedFlows, dns: DnsDoor): AgentApi {
  return {
    async answer(request, response, asker) {
      const path = request.url ?? ''
      if (request.method === 'GET' && path === WHOAMI_PATH) return whoami(response, asker)
      if (request.method === 'POST' && path === FLOWS_PATH) return flows(request, response, asker)
      if (request.method === 'POST' && path === RENEW_PATH) return renew(request, response, asker)
      if (request.method === 'POST' && path === SIGN_OUT_PATH) return signOut(response, asker)
      return answerName(request, response, asker)
    },
    answerName,
  }

  async function answerName(request: AnyRequest, response: AnyResponse, asker: AgentAsker): Promise<void> {
    const { session } = asker
    if (!dns.isFor(request.url ?? '')) throw new Fault('not-found')
    if (session === undefined || session.expiresAtMs <= context.now()) throw new Fault('not-signed-in')
    await dns.answer(request, response, { ...asker, session })
  }

  function whoami(response: ServerResponse, asker: AgentAsker): void {
    const { tenant, device, session } = asker
    const user = tenant.users.get(device.userId)
    if (session === undefined || user === undefined || session.expiresAtMs <= context.now()) {
      return notSignedIn(response, asker)
    }
    context.prepareSession(tenant.id, session.id)
    const answer: Whoami = {
      tenant: tenant.record.name,
      tenantId: tenant.id,
      user: user.name,
      device: device.id,
      sessionExpiresAtMs: session.expiresAtMs,
      exchanges: [...(context.welcome()?.exchanges ?? [context.publicAddress])],
      ...(tenant.webSettings !== undefined && { web: webOf(asker) }),
      apps: appsFor(asker, session, user),
    }
    json(response, 200, answer)
  }

  function webOf({ tenant }: AgentAsker): NonNullable<Whoami['web']> {
    const dns = tenant.webSettings?.dns ?? 'off'
    return { direct: ownNames(), ...(dns !== 'off' && { dns }) }
  }

  /** Portal, sign-in and browser hosts are reached as what they are, not through ourselves. */
  function ownNames(): string[] {
    const { domain, appsDomain } = context.directory.domains
    return [domain, appsDomain]
  }

  function appsFor({ tenant, device, clientIp }: AgentAsker, session: SessionRecord, user: UserRecord): Whoami['apps'] {
    const apps = [...tenant.apps.values()]
      .filter(isForAgents)
      .toSorted(byName)
      .map((app) => {
        const http = app.appKind === 'http' ? { method: 'GET', path: '/', host: app.names[0]?.host ?? '' } : null
        const decision = decide(
          tenant,
          {
            userId: user.id,
            sessionId: session.id,
            deviceId: device.id,
            appId: app.id,
            connectorId: null,
            clientIp,
            http,
          },
          { nowMs: context.now() },
        )
        return {
          name: app.name,
          displayName: app.displayName,
          appKind: app.appKind,
          allowed: decision.kind === 'allow',
          reason: decision.kind === 'allow' || tenant.record.explain === 'none' ? null : decision.reason,
          names: app.names.map(({ host, ports }) => ({ host, ports: [...ports] })),
        }
      })
    // Somebody from outside learns no name beyond what was agreed.
    return user.organisationId === null ? apps : apps.filter(({ allowed }) => allowed)
  }

  async function flows(request: IncomingMessage, response: ServerResponse, asker: AgentAsker): Promise<void> {
    const wanted = openFlow.safeParse(await readJson(request))
    if (!wanted.success) throw new Fault('request-malformed', { cause: wanted.error })
    const { session } = asker
    if (session === undefined) return notSignedIn(response, asker)
    const host = wanted.data.host.toLowerCase()
    json(response, 200, await sealed.open({ ...asker, session }, { host, port: wanted.data.port }))
  }

  async function renew(request: IncomingMessage, response: ServerResponse, { tenant, device }: AgentAsker) {
    const body = await readJson(request)
    const csrPem = typeof body === 'object' && body !== null && 'csrPem' in body ? body.csrPem : undefined
    if (typeof csrPem !== 'string' || csrPem.length > 8192) throw new Fault('request-malformed')
    const { certificatePem } = await context.feed.ask({
      type: 'renew-device',
      tenantId: tenant.id,
      deviceId: device.id,
      csrPem,
    })
    json(response, 200, { certificatePem })
  }

  /** Control ends it everywhere, and the refresh token behind it. Throws `control-unreachable`: nothing was ended. */
  async function signOut(response: ServerResponse, asker: AgentAsker): Promise<void> {
    const { tenant, device, session } = asker
    if (session === undefined) return notSignedIn(response, asker)
    const { ended } = await context.feed.ask({
      type: 'end-session',
      tenantId: tenant.id,
      sessionId: session.id,
      deviceId: device.id,
      reason: 'signed-out',
    })
    json(response, 200, { ended })
  }

  function notSignedIn(response: ServerResponse, { tenant, session }: AgentAsker): void {
    const reason = session === undefined ? 'session-ended' : 'session-expired'
    response.setHeader(REASON_HEADER, reason)
    json(response, 401, {
      kind: 'denied',
      denial: {
        reason,
        message: 'Sign in first.',
        advice: adviceFor(deny(reason)),
        requestAccessUrl: null,
      },
      portal: portalOrigin(context, tenant.record.name),
    })
  }
}

function byName(left: AppRecord, right: AppRecord): number {
  return left.name < right.name ? -1 : 1
}

function isForAgents(app: AppRecord): boolean {
  return app.enabled && app.names.length > 0
}

export function json(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    ...pageHeaders,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** A small JSON body, bounded in size and time. Throws `request-too-large`, `request-timeout`, `request-malformed`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  // Hot: one for each flow, hence without the promises that an iterator makes for each chunk.
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => request.destroy(new Fault('request-timeout')), caps.requestHeadMs.default)
  const onData = (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > caps.agentBodyBytes.default) reject(new Fault('request-too-large'))
    else chunks.push(chunk)
  }
  request.on('data', onData).once('end', resolve).once('error', reject).once('close', reject)
  try {
    await promise
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw error instanceof Fault ? error : new Fault('request-malformed', { cause: error })
  } finally {
    clearTimeout(timer)
    // The errors of a request that is over are its server's to hear.
    request.off('data', onData).off('close', reject)
  }
}
