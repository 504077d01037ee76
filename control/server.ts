// The control plane: opens store, keys and journal, starts sign-in, API and feed, and serves them on one private port.
// Must never serve anyone before all of it is there, and closes in the order in which things stop being needed.
import './sign-in/quiet-runtime-notice.ts'
import { join } from 'node:path'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { startPolicyChecker } from '#cedar/checker.ts'
import { policySchema } from '#core/policy/schema.ts'
import type { Scenario } from '#core/drill/scenario.ts'
import { Fault } from '#core/fault.ts'
import { labelPattern, PROVIDER_TENANT } from '#core/names.ts'
import { newId } from '#core/ids.ts'
import type { Hono } from 'hono'
import { createApi, type ApiEnv } from './api/api.ts'
import type { ApiContext } from './api/call.ts'
import { type Answered, watchAnswer } from './answered.ts'
import { openAuthority } from './authority/authority.ts'
import { createSealer, keysOfFile, keysOfText, type KeySource } from './authority/key-encryption.ts'
import { caps } from './caps.ts'
import type { ControlConfig } from './config.ts'
import { LastSeen, startLastSeen } from './directory/last-seen.ts'
import { createDirectory } from './directory/people.ts'
import { createPortal } from './directory/portal.ts'
import { createSessions } from './directory/sessions.ts'
import { openTenant } from './directory/tenants.ts'
import { startFeed } from './feed/feed.ts'
import { readFigures, whyNotReady, type ControlFigures, type Surface } from './figures.ts'
import { startFrontDoor } from './front-door.ts'
import { startJournalPort } from './journal-port.ts'
import { lakeHooks } from './lake-hooks.ts'
import type { StartLake } from './lake-port.ts'
import { Mirrors } from './records/mirror.ts'
import type { Row } from './records/from-rows.ts'
import type { NodeHandler, SignIn } from './sign-in-seam.ts'
import { createSignIn } from './sign-in/sign-in.ts'
import { startPlaybooks } from './playbooks/runs.ts'
import type { ConductorPort } from './drill/conductor-port.ts'
import { ConductorTokens } from './drill/conductor-tokens.ts'
import { startDrillSchedule } from './drill/play.ts'
import { startDrillUpkeep } from './drill/upkeep.ts'
import { addressList } from '#transport/address-list.ts'
import { createStaticFiles } from './static-files.ts'
import { startStore, type Store, type StoreConfig } from './store/store.ts'
import type { StartDetection } from './stories/detection-port.ts'
import { decoysOf } from './stories/decoys.ts'
import { takeRisks } from './directory/risk.ts'
import { taughtOf } from './directory/taught.ts'
import { takeStory } from './stories/take-story.ts'
import { startStreaming } from './streaming/streaming.ts'
import { startSweep } from './sweep.ts'
import { createWebCertificates } from './web-certificates.ts'
import type { WhatIfPort } from './what-if/port.ts'

export type ControlDeps = {
  readonly nowMs?: () => number
  readonly log?: (message: string, fields?: Readonly<Record<string, unknown>>) => void
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly heartbeatMs?: number
  /** How often event streams are looked after and tried again; default as the caps say. */
  readonly streaming?: { readonly lookMs: number; readonly retryMs: number }
  /** Reads the journals and tells stories; without it nothing is noticed. */
  readonly startDetection?: StartDetection
  /** Keeps old events as files and gives them back; without it the journal's segments stay where they are. */
  readonly startLake?: StartLake
  /** Works out what policies would do, off this thread. Whoever starts it closes it. */
  readonly whatIf?: WhatIfPort
  /** Plays drills beside control. Whoever starts it closes it. */
  readonly conductor?: ConductorPort
  /** The library of drills that is shown. */
  readonly scenarios?: readonly Scenario[]
  /** Told of every answer at the web surfaces. */
  readonly answered?: (answered: Answered) => void
}

export type Control = {
  readonly port: number
  readonly context: ApiContext
  /** One-time link of the first provider administrator; only at the start that made the installation. */
  readonly firstInvitation: { readonly url: string; readonly expiresAtMs: number } | null
  /** A new one-time link for a user, for whoever has the machine: the way back in. */
  readonly inviteUser: (tenantName: string, userName: string, seconds: number) => Promise<{ readonly url: string }>
  readonly webCaPem: readonly string[]
  readonly figures: () => Promise<ControlFigures>
  /** Looks now at what certificates are due. */
  readonly renewCertificates: () => Promise<void>
  /** Why nobody can be served now; none: it is ready. */
  readonly whyNotReady: () => Promise<readonly string[]>
  readonly close: () => Promise<void>
  readonly destroy: (fault?: Fault) => void
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

const INVITATION_SECONDS = 7 * 86_400

export async function startControl(config: ControlConfig, deps: ControlDeps = {}): Promise<Control> {
  const nowMs = deps.nowMs ?? Date.now
  const log = deps.log ?? (() => {})
  const environment = deps.environment ?? process.env
  await using opened = new AsyncDisposableStack()

  const store = opened.use(await startStore(storeConfig(config, environment), { nowMs }))
  const sealer = createSealer(encryptionKeys(config, environment))
  const provider = await providerTenant(store, nowMs)
  const { domain, appsDomain, publicPort } = config
  const authority = await openAuthority({ domain, appsDomain, providerId: provider.id }, { store, sealer, nowMs })
  const journal = await startJournalPort(config.dataFolder, {
    store,
    signer: authority.journalSigner,
    nowMs,
    log,
    saw: (tenantId, event) => context.links.lastSeen?.sawIn(tenantId, event),
  })
  opened.defer(journal.close)
  if (deps.startLake) {
    const lake = await deps.startLake(lakeHooks(config.dataFolder, { journal, store, nowMs, log }))
    opened.defer(lake.close)
    journal.useLake(lake)
  }
  const checker = startPolicyChecker()
  opened.defer(() => checker.close())
  const identityCaPem = authority.identityCaPem
  const stopping = new AbortController()
  const context: ApiContext = {
    config: { domain, appsDomain, publicPort, providerId: provider.id, software: config.software ?? 'dev' },
    store,
    authority,
    sealer,
    mirrors: new Mirrors({ store, identityCaPem, appsDomain, nowMs }),
    journal,
    checkPolicies: (documents) => checker.check({ documents, schema: policySchema }),
    whatIf: deps.whatIf ?? null,
    scenarios: deps.scenarios ?? [],
    nowMs,
    log,
    links: {},
    stopping: stopping.signal,
    feedAddress: config.feedAddress ?? null,
    enrolmentPin: config.web === undefined || config.web.kind === 'own' ? authority.webCaPin : null,
  }
  const lastSeen = new LastSeen(context)
  context.links.lastSeen = lastSeen
  const feed = await startFeed(context, deps.heartbeatMs === undefined ? {} : { heartbeatMs: deps.heartbeatMs })
  context.links.feed = feed
  let clientIp = (request: IncomingMessage): string => request.socket.remoteAddress ?? '0.0.0.0'
  const signIn: SignIn = await createSignIn(
    {
      config: { domain, appsDomain, publicPort },
      store,
      sessions: createSessions(context),
      directory: createDirectory(context),
      portal: createPortal(context),
      recordEvent: journal.record,
      signHostCookie: async (payload) => authority.signHostCookie(payload),
      verifyHostCookie: async (token) => authority.verifyHostCookie(token),
      sealSecret: sealer.seal,
      openSecret: sealer.open,
      nowMs,
      log,
    },
    { clientIp: (request) => clientIp(request), tenantIds: () => activeTenantIds(store) },
  )
  context.links.signIn = signIn
  opened.defer(signIn.close)
  opened.defer(feed.close)
  const firstInvitation = await bootstrap(provider, config.administrator ?? 'admin', context, signIn)
  const sweep = startSweep(context, caps.sweepMs.default)
  opened.defer(sweep.stop)
  const seeing = startLastSeen(context, lastSeen, caps.lastSeenMs.default)
  opened.defer(seeing.stop)
  opened.defer(startDrillUpkeep(context).stop)
  opened.defer(startPlaybooks(context).stop)
  const receivers = addressList(config.receivers ?? [])
  const streaming = startStreaming(
    { folder: join(config.dataFolder, 'streams'), hostname: domain, isAllowed: receivers.includes, ...deps.streaming },
    context,
  )
  opened.defer(streaming.close)
  if (deps.startDetection) {
    const detection = await deps.startDetection({
      journalRoot: join(config.dataFolder, 'journal'),
      stateFolder: join(config.dataFolder, 'detection'),
      tenantIds: () => activeTenantIds(store),
      decoysOf: (tenantId) => decoysOf(store.forTenant(tenantId)),
      onChange: store.onChange,
      tell: (tenantId, story) => takeStory(tenantId, story, context),
      tellRisks: (tenantId, risks) => takeRisks(tenantId, risks, context),
      taughtOf: (tenantId) => taughtOf(store.forTenant(tenantId), nowMs()),
      log,
    })
    context.links.detection = detection
    opened.defer(detection.close)
  }

  const certificates = await createWebCertificates(config.web, {
    authority,
    environment,
    store,
    sealer,
    nowMs,
    random: Math.random,
    log,
    hosts: () => publicHosts(domain, store),
    domain,
  })
  opened.defer(certificates.close)
  context.links.certificates = certificates.list
  const handlerOf = hostHandlers(config, context, signIn, (request) => clientIp(request))
  const door = await startFrontDoor(
    { listen: config.listen, relays: config.relays ?? [], domain },
    {
      authority,
      certificates,
      isHost: (host) => isOwnHost(host, domain, store),
      onFeed: feed.accept,
      onRequest(host, request, response) {
        watchAnswer(surfaceOf(host, domain), request, response, {
          answered: deps.answered,
          slow: (facts) => log('a slow or failed answer', facts),
        })
        handlerOf(host)(request, response)
      },
      log,
    },
  )
  clientIp = door.clientIp
  const { conductor } = deps
  if (conductor) {
    context.links.conductorTokens = new ConductorTokens(nowMs)
    context.links.conductor = (order) =>
      conductor.play({
        ...order,
        server: `https://api.${domain}:${door.port}`,
        dial: config.listen.host === '0.0.0.0' ? '127.0.0.1' : config.listen.host === '::' ? '::1' : config.listen.host,
        caPem: config.web === undefined || config.web.kind === 'own' ? authority.webCaPem.join('\n') : null,
      })
    opened.defer(startDrillSchedule(context).stop)
  }
  opened.defer(async () => {
    // Answers are finished while the exchanges are still there to say what they did; then each hears goodbye.
    stopping.abort()
    await door.close()
    await feed.close()
    door.destroy()
  })

  const running = opened.move()
  let closing: Promise<void> | undefined
  const close = () => (closing ??= running.disposeAsync())
  return {
    port: door.port,
    context,
    firstInvitation,
    inviteUser: (tenantName, userName, seconds) => invite(tenantName, userName, seconds, context, signIn),
    webCaPem: authority.webCaPem,
    figures: () => readFigures(context, certificates.list()),
    renewCertificates: certificates.round,
    whyNotReady: () => whyNotReady(context, certificates.list()),
    close,
    destroy: (fault = new Fault('closing')) => {
      stopping.abort()
      door.destroy()
      feed.destroy(fault)
      signIn.destroy()
      close().catch((error: unknown) => log('closing failed', { error: String(error) }))
    },
    [Symbol.asyncDispose]: close,
  }
}

function storeConfig(config: ControlConfig, environment: NonNullable<ControlDeps['environment']>): StoreConfig {
  const { store } = config
  if (store?.kind !== 'postgres') return { kind: 'sqlite', path: store?.path ?? join(config.dataFolder, 'control.db') }
  const url = environment[store.urlFromEnvironment]
  if (!url) throw new Fault('configuration-invalid', { hint: `The variable ${store.urlFromEnvironment} is not set.` })
  return { kind: 'postgres', url }
}

function encryptionKeys(config: ControlConfig, environment: NonNullable<ControlDeps['environment']>): KeySource {
  const { keyEncryptionKey: from } = config
  if (from?.kind !== 'environment') return keysOfFile(from?.path ?? join(config.dataFolder, 'kek'))
  const text = environment[from.name]
  if (!text) throw new Fault('configuration-invalid', { hint: `The variable ${from.name} is not set.` })
  const keys = keysOfText(text)
  return () => keys
}

/** The root of the tree of tenants: made at the first start, suspended until it has an administrator. */
async function providerTenant(store: Store, nowMs: () => number): Promise<Row<'tenants'>> {
  const known = await store.provider
    .selectFrom('tenants')
    .selectAll()
    .where('tenants.isProvider', '=', 1)
    .executeTakeFirst()
  if (known) return known
  const row: Row<'tenants'> = {
    id: newId('tenant'),
    name: PROVIDER_TENANT,
    displayName: 'Provider',
    parentId: null,
    status: 'suspended',
    isProvider: 1,
    createdAtMs: nowMs(),
  }
  await store.provider.insertInto('tenants', row).execute()
  return row
}

async function bootstrap(provider: Row<'tenants'>, name: string, context: ApiContext, signIn: SignIn) {
  if (provider.status === 'active') return null
  const { administratorId } = await openTenant({ ...provider, status: 'active' }, { administrator: { name } }, context)
  return signIn.makeInvitation(provider.id, administratorId, INVITATION_SECONDS)
}

async function invite(tenantName: string, userName: string, seconds: number, context: ApiContext, signIn: SignIn) {
  const directory = createDirectory(context)
  const tenant = await directory.tenantByName(tenantName)
  const user = tenant && (await directory.userByName(tenant.id, userName))
  if (!tenant || !user) throw new Fault('not-found')
  return signIn.makeInvitation(tenant.id, user.id, seconds)
}

async function activeTenantIds(store: Store): Promise<string[]> {
  const rows = await store.provider
    .selectFrom('tenants')
    .select('tenants.id')
    .where('tenants.status', '=', 'active')
    .execute()
  return rows.map(({ id }) => id)
}

function surfaceOf(host: string, domain: string): Surface {
  if (host === `api.${domain}`) return 'api'
  if (host === `console.${domain}`) return 'console'
  return host === `id.${domain}` ? 'sign-in' : 'portal'
}

/** What people open: for each of these there must be a certificate. */
async function publicHosts(domain: string, store: Store): Promise<string[]> {
  const rows = await store.provider
    .selectFrom('tenants')
    .select('tenants.name')
    .where('tenants.status', '=', 'active')
    .execute()
  return [...[...ownLabels].toSorted(), ...rows.map(({ name }) => name)].map((label) => `${label}.${domain}`)
}

const ownLabels: ReadonlySet<string> = new Set(['api', 'console', 'id'])

async function isOwnHost(host: string, domain: string, store: Store): Promise<boolean> {
  const label = host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1) : ''
  if (ownLabels.has(label)) return true
  if (!labelPattern.test(label)) return false
  const tenant = await store.provider
    .selectFrom('tenants')
    .select('tenants.id')
    .where('tenants.name', '=', label)
    .executeTakeFirst()
  return tenant !== undefined
}

function hostHandlers(
  config: ControlConfig,
  context: ApiContext,
  signIn: SignIn,
  clientIp: (request: IncomingMessage) => string,
): (host: string) => NodeHandler {
  const { domain, publicPort } = config
  const origin = `https://console.${domain}${publicPort === 443 ? '' : `:${publicPort}`}`
  const api = listenerOf(createApi(context, { kind: 'bearer' }), clientIp)
  const consoleApi = listenerOf(createApi(context, { kind: 'cookie', origin }), clientIp)
  const files = createStaticFiles(config.consoleFolder)
  const consoleHandler: NodeHandler = (request, response) => {
    const url = request.url ?? '/'
    if (url.startsWith('/auth/')) return signIn.consoleAuthHandler(request, response)
    if (!url.startsWith('/api/')) return files(request, response)
    request.url = url.slice('/api'.length)
    consoleApi(request, response)
  }
  const handlers = new Map<string, NodeHandler>([
    [`api.${domain}`, api],
    [`console.${domain}`, consoleHandler],
    [`id.${domain}`, signIn.idHandler],
  ])
  return (host) => handlers.get(host) ?? signIn.portalHandler
}

function listenerOf(api: Hono<ApiEnv>, clientIp: (request: IncomingMessage) => string): NodeHandler {
  const listener = getRequestListener(
    (request, env) => api.fetch(request, { ip: 'incoming' in env ? clientIp(env.incoming as IncomingMessage) : '' }),
    { overrideGlobalObjects: false },
  )
  return (request: IncomingMessage, response: ServerResponse) => void listener(request, response)
}
