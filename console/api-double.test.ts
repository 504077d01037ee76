// A control plane for the console's tests: the built files under the real content security policy, and every route of
// the table. Requests are parsed by the route's own schemas and so are replies, so that neither side can drift.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import test from 'node:test'
import * as z from 'zod'
import type { Route } from '#core/api/route.ts'
import { countEvents } from '#control/live/count-events.ts'
import { routes, type RouteName } from '#core/api/routes.ts'
import { respondReplies } from './respond-double.test.ts'
import {
  pastDecision,
  policyChecks,
  policyDifferences,
  policyJob,
  policyRestored,
  policyVersions,
} from './policy-double.test.ts'
import { webOverview, webStop } from './web-double.test.ts'
import { lookOf, makeWorld, mayReach, plainWords, type Words, type World, type WorldSize } from './api-world.test.ts'

export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type Call = {
  readonly name: RouteName
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: unknown
}
type Refusal = {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly at?: string
  readonly faults?: readonly { readonly at: string; readonly message: string }[]
}
class Refused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

export type Double = Awaited<ReturnType<typeof startDouble>>
type Options = {
  readonly dist: string
  readonly size?: WorldSize
  readonly words?: Words
  readonly roles?: readonly string[]
}

export async function startDouble({
  dist,
  size = 'full',
  words = plainWords,
  roles = ['tenant-admin', 'provider-admin'],
}: Options) {
  const world = makeWorld(size, words, Date.now())
  const calls: Call[] = []
  const streams = new Set<ServerResponse>()
  const behaviour: { isSignedIn: boolean; failure: Refusal | null; requests: string[] } = {
    isSignedIn: true,
    failure: null,
    requests: [],
  }
  const handle = handlers(world, words, roles)
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { code: 'internal', message: String(error) } }))
    })
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double')
    response.setHeader('content-security-policy', contentSecurityPolicy)
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('connection', 'close')
    behaviour.requests.push(`${request.method} ${url.pathname}${url.search}`)
    if (!url.pathname.startsWith('/api/')) return serveFile(url, response)
    const found = match(request.method ?? '', url.pathname.slice('/api'.length))
    const refuse = ({ status, ...error }: Refusal) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error }))
    }
    if (!found) return refuse({ status: 404, code: 'not-found', message: 'no such route' })
    if (!behaviour.isSignedIn) return refuse({ status: 401, code: 'not-signed-in', message: 'Sign in first.' })
    if (behaviour.failure && found.name !== 'me') return refuse(behaviour.failure)
    const { route, name, params } = found
    if (route.stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write(': open\n\n')
      streams.add(response)
      if (name === 'followNow') response.write(`data: ${JSON.stringify(lookOf(world))}\n\n`)
      response.on('close', () => streams.delete(response))
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const sent = Buffer.concat(chunks).toString()
    const parsedBody = route.body?.safeParse(sent === '' ? undefined : JSON.parse(sent))
    const parsedQuery = route.query?.safeParse(Object.fromEntries(url.searchParams))
    const wrong = [parsedBody, parsedQuery].find((result) => result?.success === false)
    if (wrong && !wrong.success)
      return refuse({ status: 422, code: 'document-invalid', message: z.prettifyError(wrong.error) })
    const call: Call = { name, params, query: record(parsedQuery?.data), body: parsedBody?.data }
    calls.push(call)
    try {
      const reply = route.reply.parse(handle(call) ?? generated(route.reply))
      response.writeHead(route.status ?? 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(reply))
    } catch (error) {
      if (error instanceof Refused) return refuse(error.refusal)
      throw error
    }
  }
  async function serveFile(url: URL, response: ServerResponse): Promise<void> {
    if (url.pathname === '/auth/sign-in') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
      response.end(
        `<!doctype html><html lang="en"><title>Sign-in</title><main><h1>Sign-in page of the server</h1></main></html>`,
      )
      return
    }
    const isFile = extname(url.pathname) !== '' && !url.pathname.startsWith('/t/')
    const path = join(dist, isFile ? normalize(url.pathname) : 'index.html')
    assert.ok(path.startsWith(dist))
    try {
      const types: Readonly<Record<string, string>> = {
        '.html': 'text/html; charset=utf-8',
        '.js': 'text/javascript',
        '.css': 'text/css',
        '.svg': 'image/svg+xml',
      }
      const content = await readFile(path)
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'application/octet-stream' })
      response.end(content)
    } catch {
      response.writeHead(404).end()
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    world,
    calls,
    behaviour,
    emit(...items: readonly unknown[]): void {
      const message = JSON.stringify({ kind: 'events', items, skipped: 0 })
      for (const stream of streams) stream.write(`data: ${message}\n\n`)
    },
    tell(message: unknown): void {
      for (const stream of streams) stream.write(`data: ${JSON.stringify(message)}\n\n`)
    },
    get listeners(): number {
      return streams.size
    },
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

function match(
  method: string,
  path: string,
): { readonly name: RouteName; readonly route: Route; readonly params: Record<string, string> } | null {
  for (const [name, route] of Object.entries(routes)) {
    if (route.method !== method) continue
    const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`)
    const groups = pattern.exec(path)?.groups ?? (pattern.test(path) ? {} : null)
    if (groups === null) continue
    return {
      name: name as RouteName,
      route,
      params: Object.fromEntries(Object.entries(groups).map(([key, value]) => [key, decodeURIComponent(value)])),
    }
  }
  return null
}

/** A value that the schema accepts, for replies that no test looks into. */
function generated(schema: z.ZodType): unknown {
  type Node = {
    type?: string
    const?: unknown
    enum?: unknown[]
    anyOf?: Node[]
    oneOf?: Node[]
    properties?: Record<string, Node>
    prefixItems?: Node[]
    items?: Node
    minItems?: number
    format?: string
    minimum?: number
  }
  const make = (node: Node): unknown => {
    if (node.const !== undefined) return node.const
    if (node.enum) return node.enum[0]
    const [either] = node.anyOf ?? node.oneOf ?? []
    if (either) return make(either)
    if (node.type === 'object')
      return Object.fromEntries(Object.entries(node.properties ?? {}).map(([key, value]) => [key, make(value)]))
    if (node.prefixItems) return node.prefixItems.map(make)
    if (node.type === 'array') return Array.from({ length: node.minItems ?? 0 }, () => make(node.items ?? {}))
    if (node.type === 'boolean') return true
    if (node.type === 'integer' || node.type === 'number') return Math.max(1, node.minimum ?? 1)
    if (node.type === 'string')
      return node.format === 'date-time' ? new Date(Date.now() + 3_600_000).toISOString() : 'generated'
    return null
  }
  return make(z.toJSONSchema(schema, { io: 'input' }) as Node)
}

type Handler = (call: Call) => unknown

function handlers(world: World, words: Words, roles: readonly string[]): Handler {
  let looks = 0
  const pageOf = (items: readonly unknown[], { query }: Call) => {
    const search = String(query['search'] ?? '').toLowerCase()
    const all = items.filter((item) => search === '' || JSON.stringify(item).toLowerCase().includes(search))
    const from = Number(query['after'] ?? 0)
    const limit = Number(query['limit'] ?? 100)
    return {
      items: all.slice(from, from + limit),
      next: from + limit < all.length ? String(from + limit) : null,
      total: all.length,
    }
  }
  const plurals: Readonly<Record<string, readonly { readonly name: string }[]>> = {
    apps: world.apps,
    users: world.users,
    policies: world.policies,
    organisations: world.organisations,
    groups: world.groups,
    'connector-groups': world.connectorGroups,
    'identity-providers': [],
  }
  const effect = (cut: number) => ({
    sequence: 41,
    receipts: world.exchanges.map((exchangeId, n) => ({
      exchangeId,
      cutFlows: n === 0 ? cut : 0,
      at: new Date().toISOString(),
    })),
    missing: [],
  })
  const secret = (value: string) => ({
    token: value,
    id: 'tok_1',
    expiresAt: world.iso(-3600),
    command: `sallyport connector --token ${value} --api https://api.sallyport.test`,
  })
  const table: Partial<Record<RouteName, Handler>> = {
    ...(world.apps.length > 0 ? respondReplies(world, words) : {}),
    me: () => ({
      tenant: 'acme',
      tenantDisplayName: words('Acme'),
      user: words('dana'),
      displayName: words('Dana Levi'),
      roles,
      door: 'console',
      expiresAt: world.iso(-36_000),
      domain: 'sallyport.test',
      appsDomain: 'apps.test',
      publicPort: 8443,
    }),
    listResources: (call) => pageOf(plurals[call.params['plural'] ?? ''] ?? [], call),
    getResource: ({ params }) => {
      const found = plurals[params['plural'] ?? '']?.find((item) => item.name === params['name'])
      if (!found)
        throw new Refused({ status: 404, code: 'not-found', message: 'There is no such thing, or you may not see it.' })
      return found
    },
    putResource: ({ params, body }) => ({
      kind: 'Policy',
      id: 'pol_1',
      name: params['name'],
      spec: record(body)['spec'],
      version: 9,
      createdAt: world.iso(10),
      updatedAt: world.iso(0),
    }),
    apply: ({ body }) => {
      const { documents, dryRun } = body as {
        documents: { kind: string; name: string; spec: Record<string, unknown> }[]
        dryRun?: boolean
      }
      if (JSON.stringify(documents).includes('oops'))
        throw new Refused({
          status: 422,
          code: 'policy-invalid',
          message: 'The policy is not valid.',
          at: 'documents[0].spec.text',
          faults: [{ at: 'documents[0].spec.text', message: 'line 3: unexpected token `oops`' }],
        })
      return {
        changes: documents.map(({ kind, name }) => ({ kind, name, action: 'create', fields: [] })),
        warnings: [],
        openings: [],
        effect: dryRun ? null : effect(0),
      }
    },
    listAppsOfPerson: () => ({ items: world.apps.slice(0, 4).map((app, n) => mayReach(words, app, n)), next: null }),
    listPeopleOfApp: () => ({
      items: world.users.slice(0, 5).map((user, n) => ({ ...mayReach(words, user, n), organisation: null })),
      next: null,
    }),
    listContainments: (call) => pageOf([], call),
    contain: ({ body }) => ({
      containment: {
        id: 'ctn_1',
        subject: record(body)['subject'],
        reason: record(body)['reason'],
        owner: words('dana'),
        createdAt: world.iso(0),
        expiresAt: world.iso(-3600),
      },
      effect: effect(3),
    }),
    deleteResource: () => effect(2),
    listSessions: (call) => pageOf(world.sessions, call),
    endSession: ({ params }) => {
      const at = world.sessions.findIndex((session) => session.id === params['id'])
      if (at < 0) throw new Refused({ status: 404, code: 'not-found', message: 'There is no such session.' })
      world.sessions.splice(at, 1)
      return effect(3)
    },
    listDevices: (call) => pageOf(world.devices, call),
    listConnectors: (call) => pageOf(world.connectors, call),
    listEnrolmentTokens: (call) => pageOf(world.enrolmentTokens, call),
    createEnrolmentToken: () => secret('sp_enr_7f3k2m9q4w8x~pin'),
    createApiToken: () => secret('sp_tok_7f3k2m9q4w8x'),
    listAdministrators: () => ({ items: world.administrators }),
    listApiTokens: (call) => pageOf(world.apiTokens, call),
    listAccessRequests: (call) => pageOf(world.requests, call),
    listApprovals: (call) => pageOf(world.approvals, call),
    listTenants: (call) => pageOf(world.tenants, call),
    listExchanges: (call) => pageOf(world.exchangeViews, call),
    getSettings: () => ({
      staleAfterSeconds: 900,
      answerFrom: 'never',
      sessionSeconds: 43_200,
      explain: 'full',
      journalMandatory: true,
      retentionDays: null,
      storyBudget: null,
      ownHosts: ['apps.acme.test'],
    }),
    listFlows: () => {
      looks++
      const items = world.flows.map((flow, n) => ({
        ...flow,
        bytesIn: flow.bytesIn + looks * 400 * (n % 7),
        bytesOut: flow.bytesOut + looks * 9_000 * ((n + looks) % 7),
      }))
      return { items, total: items.length, missing: [] }
    },
    listEvents: ({ query }) => {
      const items = world.events.filter(
        ({ event }) =>
          (query['outcome'] === undefined || (event['status_id'] === 1) === (query['outcome'] === 'success')) &&
          (query['class'] === undefined || event['class_uid'] === query['class']) &&
          (query['user'] === undefined ||
            JSON.stringify(event['actor'] ?? '').includes(JSON.stringify(query['user']).slice(1, -1))) &&
          (query['app'] === undefined || event['app_name'] === query['app']),
      )
      const limit = Number(query['limit'] ?? 100)
      return { items: items.slice(0, limit), next: items.length > limit ? 'c9' : null }
    },
    webOverview: () => webOverview(words),
    webStop: ({ params }) => webStop(words, String(params['id'])),
    countEvents: () => ({
      ...countEvents(
        world.events.map(({ event }) => event),
        false,
        {},
      ),
    }),
    testPolicies: ({ body }) => policyChecks(words, Array.isArray(record(body)['documents'])),
    startPolicyJob: ({ body }) => policyJob(words, body, 'running'),
    getPolicyJob: ({ params }) => policyJob(words, String(params['id']), 'done'),
    listPolicyVersions: () => policyVersions(words),
    comparePolicyVersions: ({ query }) => policyDifferences(words, Number(query['from']), Number(query['to'] ?? 3)),
    restorePolicyVersion: ({ body }) => policyRestored(words, record(body)['dryRun'] === true),
    explainEvent: ({ params }) => pastDecision(words, String(params['id'])),
    explain: ({ body }) =>
      record(body)['app'] === 'payroll'
        ? {
            decision: 'deny',
            reason: 'no-policy',
            message: words('No policy allows this person to reach the app.'),
            advice: words('Ask dana, who owns the app, for access; or sign in from a managed device.'),
            policies: [],
            missing: [
              {
                policy: 'payroll-access',
                place: { id: 'pol_2', name: 'payroll-access', line: 1, document: 'payroll-access', text: null },
                conditions: [
                  words('needs group finance; yours: engineering, staff'),
                  words('needs device posture ≥ managed; yours: unknown'),
                ],
              },
            ],
            errors: [],
          }
        : {
            decision: 'allow',
            reason: null,
            message: words('A policy allows it.'),
            advice: '',
            policies: [{ id: 'pol_1', name: 'wiki-access', line: 3, document: 'wiki-access', text: null }],
            missing: [],
            errors: [],
          },
  }
  return (call) => table[call.name]?.(call)
}

test('a reply can be generated for every route of the table, so that none is missing from the double', () => {
  for (const [name, route] of Object.entries<Route>(routes)) {
    // A scenario has rules of its own that no generator of forms knows.
    if (name === 'followEvents' || name === 'getDrill') continue
    assert.ok(route.reply.safeParse(generated(route.reply)).success, name)
  }
})
