// HOT PATH. One http request of a known session to an app: path, decision, event, forwarding. The same for browsers and
// agents. Must never forward what was not decided with exactly the method and path that are sent.
import type { Socket } from 'node:net'
import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Duplex } from 'node:stream'
import type { AppRecord } from '#core/records/app.ts'
import type { SessionRecord } from '#core/records/records.ts'
import { deny, type Decision, type Deny, type DenyReason } from '#core/policy/decide.ts'
import { Fault, isFault } from '#core/fault.ts'
import { fieldsOf } from '#transport/forward-headers.ts'
import { hardClose } from '#transport/hard-close.ts'
import { forward } from '#transport/http-forward.ts'
import {
  forwardExtendedConnect,
  forwardUpgrade,
  type UpgradeOptions,
  type UpgradeResult,
} from '#transport/upgrade-forward.ts'
import { startUpstream } from '#transport/upstream.ts'
import { portalOrigin, type ExchangeContext } from '#exchange/context.ts'
import { decide, type Access } from '#exchange/decide.ts'
import { Hops } from '#exchange/hops.ts'
import { forbidsDownloads } from '#exchange/graded-answers.ts'
import { policyNames } from '#exchange/inspect.ts'
import { WebSocketFlow } from '#exchange/flows/web-socket-flow.ts'
import {
  answerDenial,
  answerFault,
  rawDenial,
  rawFault,
  type AnyRequest,
  type AnyResponse,
} from '#exchange/pages/answer.ts'
import type { DenialFacts } from '#exchange/pages/denial.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'
import { makeAssertion } from './assertion.ts'
import { requestFields, responseFields } from './header-rules.ts'
import type { Lane } from './lane.ts'
import type { Lanes } from './lanes.ts'
import { checkHead, limitAnswer, limitedRequest, limitsFor, type AnswerLimits, type LimitDeps } from './limit-answer.ts'
import { isOwnPath, readTarget, refuseMethod } from './refusal.ts'
import { openUpstreamFlow } from './upstream-flow.ts'

/** Who asks for what, once both are known. */
export type AppRequest = {
  readonly tenant: Tenant
  readonly app: AppRecord
  readonly session: SessionRecord
  readonly clientIp: string
  readonly way: 'browser' | 'inspected'
  /** Host of the request, lower case, without port. */
  readonly host: string
  readonly publicAuthority: string
  readonly publicScheme: 'http' | 'https'
  /** Origin form. */
  readonly target: string
}

export type ServeHttp = {
  /** Resolves when the request is over. Throws Faults while nothing was answered. */
  readonly request: (request: AnyRequest, response: AnyResponse, wanted: AppRequest) => Promise<void>
  readonly upgrade: (request: IncomingMessage, socket: Socket, first: Buffer, wanted: AppRequest) => Promise<void>
  /** A WebSocket over HTTP/2 (RFC 8441). */
  readonly connect: (request: Http2ServerRequest, response: Http2ServerResponse, wanted: AppRequest) => Promise<void>
}

/** How a WebSocket is asked for and refused, over either version of HTTP. */
type WebSocketDoor = {
  readonly method: string
  readonly client: Duplex
  readonly ask: (options: UpgradeOptions) => Promise<UpgradeResult>
  readonly deny: (facts: DenialFacts) => void
  readonly fail: (fault: Fault) => void
}

type Passing = {
  readonly lane: Lane
  readonly hops: Hops
  readonly limits: AnswerLimits
  readonly signal: AbortSignal
}

type Decided = { readonly access: Access; readonly decision: Decision; readonly eventId: string; readonly path: string }

export function createServeHttp(context: ExchangeContext, lanes: Lanes): ServeHttp {
  return { request: serveRequest, upgrade: serveUpgrade, connect: serveConnect }

  async function serveRequest(request: AnyRequest, response: AnyResponse, wanted: AppRequest): Promise<void> {
    context.count('requests')
    const hops = new Hops()
    const decided = decideRequest(request.method ?? '', wanted)
    hops.lap('decide')
    const limits = limitsFor(wanted.tenant, forbidsDownloads(decided.decision), context.now)
    if (decided.decision.kind === 'deny') return answerDenial(request, response, factsOf(wanted, decided))
    const lane = laneOf(wanted, decided.access)
    const cutting = new AbortController()
    const end = lane.begin(
      {
        access: decided.access,
        isLimited: limits.forbidsDownloads,
        cut() {
          // The client first: what is aborted behind it may otherwise name another reason.
          cutClient(request, response)
          cutting.abort()
        },
      },
      request.httpVersionMajor === 1 ? request.socket : undefined,
      policyNames(decided.decision),
    )
    try {
      await passOn(request, response, wanted, decided, { lane, hops, limits, signal: cutting.signal })
    } finally {
      end()
    }
  }

  async function passOn(
    request: AnyRequest,
    response: AnyResponse,
    wanted: AppRequest,
    decided: Decided,
    { lane, hops, limits, signal }: Passing,
  ): Promise<void> {
    const { eventId } = decided
    const trace = traceOf(request, wanted, eventId)
    const fields = requestFields(fieldsOf(request.rawHeaders), {
      ...headerFacts(wanted, assertionOn(lane, wanted, decided)),
      eventId,
      trace,
    })
    const ended = await forward(request, response, {
      dispatcher: lane.dispatcher,
      method: request.method ?? 'GET',
      path: decided.path,
      headers: limitedRequest(fields, limits),
      signal,
      onHead(head) {
        hops.lap('firstByte')
        lane.answered(eventId, hops, trace?.trusted)
        checkHead(head, limits, limitDeps)
        return responseFields(head.headers, headerFacts(wanted, ''))
      },
      scan: () => limitAnswer(limits, limitDeps, undefined),
    })
    if (ended.kind === 'done') lane.addBytes(ended.requestBytes, ended.responseBytes)
    const limited = ended.kind === 'unanswered' || ended.kind === 'truncated' ? limitOf(ended.fault) : undefined
    if (limited !== undefined && !signal.aborted) {
      const after = denialAfter(wanted, decided, limited)
      if (ended.kind === 'unanswered') answerDenial(request, response, after)
      return
    }
    if (ended.kind !== 'unanswered' || signal.aborted) return
    context.log('an app request failed', {
      requestId: eventId,
      flowId: lane.id,
      app: wanted.app.name,
      code: ended.fault.code,
      ...ended.fault.detail,
    })
    if (!isNoConnector(ended.fault)) return answerFault(request, response, ended.fault)
    answerDenial(request, response, denialAfter(wanted, decided, 'no-connector'))
  }

  async function serveUpgrade(
    request: IncomingMessage,
    socket: Socket,
    first: Buffer,
    wanted: AppRequest,
  ): Promise<void> {
    await serveWebSocket(request, wanted, {
      method: request.method ?? '',
      client: socket,
      ask: (options) => forwardUpgrade(request, socket, first, options),
      deny: (facts) => endWith(socket, rawDenial(facts)),
      fail: (fault) => endWith(socket, rawFault(fault)),
    })
  }

  async function serveConnect(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    wanted: AppRequest,
  ): Promise<void> {
    const { stream } = response
    await serveWebSocket(request, wanted, {
      // To apps and rules it is what a WebSocket always was: a GET.
      method: 'GET',
      client: stream,
      ask: (options) => forwardExtendedConnect({ stream, headers: request.headers }, options),
      deny: (facts) => answerDenial(request, response, facts),
      fail: (fault) => answerFault(request, response, fault),
    })
  }

  async function serveWebSocket(request: AnyRequest, wanted: AppRequest, door: WebSocketDoor): Promise<void> {
    context.count('requests')
    const decided = decideRequest(door.method, wanted, true)
    if (decided.decision.kind === 'deny') return door.deny(factsOf(wanted, decided))
    if (!wanted.app.http.webSocket) throw new Fault('request-malformed', { hint: 'This app takes no WebSockets.' })
    const facts = { tenant: wanted.tenant, app: wanted.app, access: { ...decided.access, http: null }, way: wanted.way }
    // A socket of its own: an upgraded connection never goes back to a pool.
    const dispatcher = startUpstream(
      { origin: 'http://app.invalid', maxConnections: 1 },
      { connect: () => openUpstreamFlow(context, facts) },
    )
    const policies = policyNames(decided.decision)
    const flow = new WebSocketFlow(context, wanted.tenant, decided.access, policies, door.client)
    const end = (reason: string) => {
      flow.end(reason)
      dispatcher.destroy(new Fault('closing')).catch(() => undefined)
    }
    const result = await door.ask({
      dispatcher,
      path: decided.path,
      headers: requestFields(fieldsOf(request.rawHeaders), {
        ...headerFacts(wanted, assertionOf(wanted, decided)),
        eventId: decided.eventId,
        trace: traceOf(request, wanted, decided.eventId),
      }),
      signal: flow.signal,
      onHead: ({ headers }) => responseFields(headers, headerFacts(wanted, '')),
      onEnd: (ended) => end(ended.kind === 'cut' ? ended.reason : ended.kind),
    })
    if (result.kind === 'relaying') return flow.began(result.relay)
    end(result.kind)
    if (result.kind === 'client-gone') return
    if (isNoConnector(result.fault)) return door.deny(denialAfter(wanted, decided, 'no-connector'))
    door.fail(result.fault)
  }

  /** Throws Fault `request-malformed`, `not-found`. */
  function decideRequest(method: string, wanted: AppRequest, isUpgrade = false): Decided {
    const { tenant, app, session, clientIp, host } = wanted
    refuseMethod(method)
    const { path, query } = readTarget(wanted.target)
    if (isOwnPath(path)) throw new Fault('not-found')
    const access: Access = {
      userId: session.userId,
      sessionId: session.id,
      deviceId: session.deviceId,
      appId: app.id,
      connectorId: null,
      clientIp,
      http: { method, path, host },
      ...(isUpgrade && { isUpgrade }),
    }
    const decision = decide(tenant, access, { nowMs: context.now() })
    const journalled = context.journal.decided(tenant, access, decision, { host })
    if (journalled.decision.kind === 'deny') context.count('denied')
    return { access, path: path + query, ...journalled }
  }

  function laneOf({ tenant, app, way }: AppRequest, access: Access): Lane {
    return lanes.of({ tenant, app, way, access: { ...access, http: null } })
  }

  function traceOf(request: AnyRequest, { clientIp }: AppRequest, eventId: string) {
    const came = request.headers['traceparent']
    return context.traceHeaders?.(typeof came === 'string' ? came : undefined, clientIp, eventId)
  }

  function headerFacts({ app, publicAuthority, publicScheme, clientIp }: AppRequest, assertion: string) {
    return { app, publicAuthority, publicScheme, clientIp, assertion }
  }

  function assertionOn(lane: Lane, wanted: AppRequest, decided: Decided): string {
    const stamp = `${wanted.tenant.position.sequence} ${policyNames(decided.decision).join()}`
    return lane.assertion(stamp, () => assertionOf(wanted, decided))
  }

  function assertionOf({ tenant, app }: AppRequest, { access, decision }: Decided): string {
    return makeAssertion(context.assertionKey, {
      issuer: portalOrigin(context, tenant.record.name),
      tenant,
      app,
      access,
      policies: policyNames(decision),
      nowMs: context.now(),
    })
  }

  function factsOf({ tenant, app }: AppRequest, { decision, eventId }: Decided): DenialFacts {
    const denial: Deny = decision.kind === 'deny' ? decision : deny('no-connector')
    const origin = portalOrigin(context, tenant.record.name)
    return { tenant: tenant.record, decision: denial, app, eventId, portalOrigin: origin }
  }

  /** What was allowed at first and then came to nothing is a denial of its own. */
  function denialAfter(wanted: AppRequest, decided: Decided, reason: DenyReason): DenialFacts {
    const { eventId } = context.journal.decided(wanted.tenant, decided.access, deny(reason), { host: wanted.host })
    return factsOf(wanted, { ...decided, decision: deny(reason), eventId })
  }
}

const limitDeps: LimitDeps = { faultOf: (reason) => new Fault('not-permitted', { detail: { limit: reason } }) }

function limitOf({ detail: { limit } }: Fault): 'restricted' | 'contained' | undefined {
  return limit === 'restricted' || limit === 'contained' ? limit : undefined
}

function isNoConnector(fault: Fault): boolean {
  return isFault(fault, 'no-connector') || isFault(fault, 'grant-refused')
}

/** Nothing of a cut response may look like its end. */
function cutClient(request: AnyRequest, response: AnyResponse): void {
  if ('stream' in response) response.stream.close(0x8)
  else hardClose(request.socket)
}

function endWith(socket: Duplex, text: string): void {
  socket.end(text)
  socket.once('finish', () => socket.destroy())
}
