// The API: every route of the contract bound to its handler, with access, validation, records and errors in one place.
// Must never let a change be answered that was not written into the journal first.
import { Hono, type Context } from 'hono'
import { streamSSE } from 'hono/streaming'
import { journalEvent } from '#core/events/event.ts'
import { asFault, Fault, isFault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { Route } from '#core/api/route.ts'
import { routes, type RouteName } from '#core/api/routes.ts'
import type { Effect } from '#core/api/views.ts'
import { caps } from '#control/caps.ts'
import { lastSequence } from '#control/store/changes.ts'
import { DocumentsFault } from '#control/resources/document-faults.ts'
import { WideningFault } from '#control/what-if/hold-back.ts'
import { requireAccess } from './access.ts'
import type { ApiContext, Handlers, Recorded } from './call.ts'
import { accessHandlers } from './handlers/access.ts'
import { administrationHandlers } from './handlers/administration.ts'
import { drillHandlers } from './handlers/drill.ts'
import { enrolmentHandlers } from './handlers/enrolment.ts'
import { eventHandlers } from './handlers/events.ts'
import { incidentHandlers } from './handlers/incidents.ts'
import { memberHandlers } from './handlers/members.ts'
import { personHandlers } from './handlers/person.ts'
import { playbookHandlers } from './handlers/playbooks.ts'
import { policyHistoryHandlers } from './handlers/policy-history.ts'
import { policyHandlers } from '#control/what-if/handlers.ts'
import { providerHandlers } from './handlers/provider.ts'
import { resourceHandlers } from './handlers/resources.ts'
import { respondHandlers } from './handlers/respond.ts'
import { riskHandlers } from './handlers/risk.ts'
import { storyHandlers } from './handlers/stories.ts'
import { streamHandlers } from './handlers/streams.ts'
import { webHandlers } from './handlers/web.ts'
import { openApiDocument } from './open-api.ts'
import { principalOfBearer, principalOfCookie, type Principal } from './principal.ts'
import { readBody, readParams, readQuery } from './read-request.ts'

export const handlers: Handlers = {
  ...providerHandlers,
  ...personHandlers,
  ...resourceHandlers,
  ...memberHandlers,
  ...administrationHandlers,
  ...respondHandlers,
  ...accessHandlers,
  ...policyHandlers,
  ...eventHandlers,
  ...storyHandlers,
  ...incidentHandlers,
  ...streamHandlers,
  ...playbookHandlers,
  ...policyHistoryHandlers,
  ...riskHandlers,
  ...drillHandlers,
  ...webHandlers,
  ...enrolmentHandlers,
}

/** What the server says of a connection; never taken from a header. */
export type ApiEnv = { Bindings: { readonly ip: string } }

/**
 * `bearer`: the API host, tokens only. `cookie`: the console's host, its cookie only, and its own origin only.
 * Neither accepts the proof of the other: a cookie must not work where any page may send requests.
 */
export type ApiDoor = { readonly kind: 'bearer' } | { readonly kind: 'cookie'; readonly origin: string }

type AnyCall = Record<string, unknown>
type AnyHandler = (call: AnyCall) => Promise<unknown>

export function createApi(context: ApiContext, door: ApiDoor): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.use(async (c, next) => {
    await next()
    c.header('cache-control', 'no-store')
  })
  app.get('/v1/openapi.json', (c) => c.json(openApiDocument(context.config)))
  for (const name of Object.keys(routes) as RouteName[]) {
    const route: Route = routes[name]
    // The table pairs each route with the handler of its types; a loop cannot carry that pairing.
    const handler = handlers[name] as unknown as AnyHandler
    app.on(route.method, route.path, (c) => answer(c, name, route, handler, context, door))
  }
  app.notFound((c) => refuse(c, new Fault('not-found')))
  app.onError((error, c) => refuse(c, error))
  return app
}

async function answer(
  c: Context<ApiEnv>,
  name: RouteName,
  route: Route,
  handler: AnyHandler,
  context: ApiContext,
  door: ApiDoor,
): Promise<Response> {
  const ip = c.env.ip
  let principal: Principal | undefined
  let isRecorded = false
  try {
    const params = readParams(c.req.param())
    if (door.kind === 'cookie') requireSameOrigin(c.req.raw, door.origin)
    if (route.access !== 'public') {
      principal =
        door.kind === 'bearer'
          ? await principalOfBearer(c.req.header('authorization'), c.env.ip, context)
          : await principalOfCookie(c.req.header('cookie'), c.env.ip, context)
      requireAccess(route.access, params['tenant'], principal)
    }
    const query = readQuery(route, new URL(c.req.url))
    const body = await readBody(route, c.req.raw)
    const gone = new AbortController()
    const signal = AbortSignal.any([
      gone.signal,
      c.req.raw.signal,
      AbortSignal.timeout(route.stream ? caps.eventStreamMs.default : caps.handlerMs.default),
      ...(route.stream ? [context.stopping] : []),
    ])
    const who = principal
    const call: AnyCall = { context, params, query, body, ip, signal }
    if (who) {
      Object.assign(call, {
        principal: who,
        tenantId: who.tenantId,
        tenant: context.store.forTenant(who.tenantId),
        record: async (what: Recorded) => {
          await recordAct(context, who, route, name, ip, what)
          isRecorded = true
        },
        effect: (sequence: number | null) => effectOf(who.tenantId, sequence, context),
      })
    }
    const value = await withDeadline(handler(call), signal)
    if (route.stream) return streamOf(c, value as AsyncIterable<unknown>, who, route, context, door, gone)
    // A handler that forgot would be found by its first test; nothing unrecorded is ever acknowledged.
    if (isChange(name, route, body) && !isRecorded) throw new Fault('internal', { detail: { why: 'unrecorded', name } })
    return c.json(value as object, route.status === 204 ? 200 : (route.status ?? 200))
  } catch (error) {
    const fault = asFault(error)
    if (fault.code === 'internal')
      context.log('request failed', { route: name, error: String(fault.cause ?? ''), detail: fault.detail })
    if (principal && !isRecorded && isChange(name, route, undefined))
      // Not waited for: nothing was acknowledged, and whoever guesses should not have us wait for the disk.
      recordRefusal(context, principal, name, ip, fault).catch((cause: unknown) =>
        context.log('refusal not recorded', { error: String(cause) }),
      )
    return refuse(c, fault)
  }
}

/**
 * Asking for an explanation changes nothing; a heartbeat is as good as the start that it keeps alive; the device of a drill
 * is on record as its person's; a drill that control plays is on record as its start.
 */
const unrecorded: ReadonlySet<RouteName> = new Set(['explain', 'keepDrill', 'openDrillDevice', 'playDrill'])

/** Whether the route changes something: then it must be on record. */
/** Changes that can be asked for without being done. */
const withDryRun: ReadonlySet<RouteName> = new Set<RouteName>(['apply', 'restorePolicyVersion'])

function isChange(name: RouteName, route: Route, body: unknown): boolean {
  if (route.isQuestion === true) return false
  if (route.method === 'GET' || route.access === 'public' || unrecorded.has(name)) return false
  return !(
    withDryRun.has(name) &&
    typeof body === 'object' &&
    body !== null &&
    'dryRun' in body &&
    body.dryRun === true
  )
}

async function effectOf(tenantId: string, sequence: number | null, context: ApiContext): Promise<Effect> {
  if (sequence === null)
    return { sequence: await lastSequence(context.store.forTenant(tenantId)), receipts: [], missing: [] }
  const { feed } = context.links
  return feed ? feed.awaitEffect(tenantId, sequence, caps.effectMs.default) : { sequence, receipts: [], missing: [] }
}

async function withDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(new Fault('request-timeout'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function requireSameOrigin(request: Request, origin: string): void {
  const said = request.headers.get('origin')
  const site = request.headers.get('sec-fetch-site')
  const isReading = request.method === 'GET' || request.method === 'HEAD'
  if (isReading ? said !== null && said !== origin : said !== origin) throw new Fault('origin-mismatch')
  if (site !== null && site !== 'same-origin' && !(isReading && site === 'none')) throw new Fault('origin-mismatch')
}

const activityOf = { POST: 'create', PUT: 'update', PATCH: 'update', DELETE: 'delete', GET: 'read' } as const

async function recordAct(
  context: ApiContext,
  principal: Principal,
  route: Route,
  name: RouteName,
  ip: string,
  { target, resourceKind, operation = name, details }: Recorded,
): Promise<void> {
  const { tenantId, userId, userName, sessionId } = principal
  await context.journal.record(
    tenantId,
    journalEvent('apiActivity', activityOf[route.method], {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId,
      outcome: 'success',
      user: { uid: userId, name: userName },
      sessionId,
      source: { ip },
      api: { operation, target, ...(resourceKind !== undefined && { resourceKind }) },
      ...(details && { extra: details }),
    }),
  )
}

async function recordRefusal(context: ApiContext, principal: Principal, name: RouteName, ip: string, fault: Fault) {
  const { tenantId, userId, userName, sessionId } = principal
  await context.journal.record(
    tenantId,
    journalEvent('apiActivity', 'other', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId,
      outcome: 'failure',
      severity: fault.code === 'not-permitted' ? 3 : 1,
      user: { uid: userId, name: userName },
      sessionId,
      source: { ip },
      api: { operation: name },
      extra: { code: fault.code },
    }),
  )
}

function streamOf(
  c: Context<ApiEnv>,
  events: AsyncIterable<unknown>,
  who: Principal | undefined,
  route: Route,
  context: ApiContext,
  door: ApiDoor,
  gone: AbortController,
): Response {
  return streamSSE(c, async (stream) => {
    const iterator = events[Symbol.asyncIterator]()
    stream.onAbort(() => gone.abort())
    // The right to see is looked up again and again: a stream must not outlive the session that opened it.
    const check = setInterval(() => {
      const again =
        door.kind === 'bearer'
          ? principalOfBearer(c.req.header('authorization'), c.env.ip, context)
          : principalOfCookie(c.req.header('cookie'), c.env.ip, context)
      again
        .then((principal) => requireAccess(route.access, who?.tenantName, principal))
        .then(() => stream.write(': still here\n\n'))
        .catch(() => stream.abort())
    }, caps.streamCheckMs.default)
    try {
      for (let next = await iterator.next(); !next.done && !stream.aborted; next = await iterator.next())
        await stream.writeSSE({ data: JSON.stringify(next.value) })
    } finally {
      clearInterval(check)
      gone.abort()
      await iterator.return?.()
    }
  })
}

function refuse(c: Context<ApiEnv>, error: unknown): Response {
  const fault = asFault(error)
  const { code, message } = fault.toJSON()
  const places = fault instanceof DocumentsFault ? fault.faults : []
  const [first] = places
  if (isFault(fault, 'not-signed-in') || isFault(fault, 'token-invalid')) c.header('www-authenticate', 'Bearer')
  const body = {
    error: {
      code,
      message,
      ...(first && { at: first.at, faults: places.map(({ at, message: text }) => ({ at, message: text })) }),
      ...(fault instanceof WideningFault && { approvalRequest: fault.approvalRequest }),
    },
  }
  return new Response(JSON.stringify(body), {
    status: fault.status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...Object.fromEntries(c.res.headers) },
  })
}
