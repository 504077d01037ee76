// Sign-in for tests: the real handlers and a real store behind one HTTP server; directory and sessions are kept in
// memory behind the seam. Only for tests.
import { createCipheriv, createDecipheriv, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { HostCookie } from '#core/wire/grant.ts'
import type {
  LiveSession,
  NodeHandler,
  SignInDeps,
  SignInProvider,
  SignInTenant,
  SignInUser,
} from '#control/sign-in-seam.ts'
import { startStore, type StoreConfig } from '#control/store/store.ts'
import { signToken, verifyToken } from '#transport/signed-token.ts'
import { createSignIn } from '#control/sign-in/sign-in.ts'
import { totpCode } from '#control/sign-in/totp.ts'
import type { Authenticator } from './authenticator.ts'
import { Browser, type Answer } from './browser.ts'

export const domain = 'sallyport.localhost'
export const appsDomain = 'apps.localhost'
export const password = 'correct horse battery'

export type World = Awaited<ReturnType<typeof startWorld>>
type StoredUser = { -readonly [K in keyof SignInUser]: SignInUser[K] } & { groups: Set<string> }

export async function startWorld(options: { readonly publicPort?: number; readonly store?: StoreConfig } = {}) {
  let aheadMs = 0
  const nowMs = () => Date.now() + aheadMs
  const store = await startStore(options.store ?? { kind: 'sqlite', path: ':memory:' }, { nowMs })
  const tenants = new Map<string, SignInTenant & { status: 'active' | 'suspended' }>()
  const users = new Map<string, StoredUser & { readonly tenantId: string }>()
  const providers = new Map<string, SignInProvider[]>()
  const apps = new Map<string, { tenantId: string; app: AppRecord }>()
  const sessions = new Map<string, LiveSession>()
  const ended: { readonly sessionId: string; readonly reason: string }[] = []
  const events: { readonly tenantId: string; readonly event: Readonly<Record<string, unknown>> }[] = []
  const confirmed: { readonly sessionId: string; readonly factors: readonly string[] }[] = []
  const strangers: string[] = []
  const logs: string[] = []
  const hosts = new Map<string, NodeHandler>()
  const access: { userId: string; app: string; reason: string }[] = []
  const sealKey = randomBytes(32)
  const cookieKeys = generateKeyPairSync('ed25519')
  let isJournalFull = false

  const userOf = (tenantId: string, is: (user: StoredUser) => boolean) =>
    [...users.values()].find((user) => user.tenantId === tenantId && is(user))
  const liveSession = (tenantId: string, id: string) => {
    const session = sessions.get(id)
    const user = session && users.get(session.userId)
    const isLive = session?.tenantId === tenantId && session.expiresAtMs > nowMs() && user?.status === 'active'
    return isLive ? session : undefined
  }
  const endOne = (id: string, reason: string) => {
    if (sessions.delete(id)) ended.push({ sessionId: id, reason })
  }

  const deps: SignInDeps = {
    config: { domain, appsDomain, publicPort: options.publicPort ?? 443 },
    store,
    nowMs,
    log: (message, fields) => logs.push(`${message} ${JSON.stringify(fields)}`),
    recordEvent: async (tenantId, event) => {
      if (isJournalFull) throw new Fault('journal-full')
      events.push({ tenantId, event })
    },
    sealSecret: (plain, context) => {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', sealKey, nonce).setAAD(Buffer.from(context))
      const text = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url')
    },
    openSecret: (sealed, context) => {
      const bytes = Buffer.from(sealed, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', sealKey, bytes.subarray(0, 12)).setAAD(Buffer.from(context))
      decipher.setAuthTag(bytes.subarray(12, 28))
      return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()])
    },
    signHostCookie: async (payload) => signToken('host-cookie', payload, cookieKeys.privateKey),
    verifyHostCookie: async (token) => {
      try {
        return verifyToken('host-cookie', token, [cookieKeys.publicKey], { nowMs: nowMs() }) as HostCookie
      } catch {
        return null
      }
    },
    sessions: {
      create: async (session) => {
        const tenant = tenants.get(session.tenantId)
        if (users.get(session.userId)?.status !== 'active' || !tenant) throw new Fault('not-found')
        const latest = nowMs() + tenant.sessionSeconds * 1000
        const made: LiveSession = {
          ...session,
          id: newId('session'),
          createdAtMs: nowMs(),
          lastSeenAtMs: nowMs(),
          expiresAtMs: Math.min(session.expiresAtMs ?? latest, latest),
        }
        sessions.set(made.id, made)
        return made
      },
      get: async (tenantId, id) => liveSession(tenantId, id),
      list: async (tenantId, userId) =>
        [...sessions.values()].filter((s) => s.tenantId === tenantId && s.userId === userId),
      end: async (tenantId, id, reason) => {
        if (sessions.get(id)?.tenantId === tenantId) endOne(id, reason)
        return null
      },
      endOfUser: async (tenantId, userId, reason) => {
        for (const s of sessions.values()) if (s.tenantId === tenantId && s.userId === userId) endOne(s.id, reason)
        return 0
      },
      confirm: async (tenantId, id, { userId, factors }) => {
        const session = liveSession(tenantId, id)
        if (session?.userId !== userId) throw new Fault('not-found')
        confirmed.push({ sessionId: id, factors })
      },
    },
    directory: {
      tenantByName: async (name) => [...tenants.values()].find((tenant) => tenant.name === name),
      tenantById: async (id) => tenants.get(id),
      appByHost: async (host) => apps.get(host),
      userByName: async (tenantId, name) => userOf(tenantId, (user) => user.name === name),
      userById: async (tenantId, id) => userOf(tenantId, (user) => user.id === id),
      userByIdentity: async (tenantId, issuer, subject) =>
        userOf(tenantId, ({ identities }) => identities.some((i) => i.issuer === issuer && i.subject === subject)),
      linkIdentity: async (tenantId, userId, issuer, subject) => {
        const user = userOf(tenantId, ({ id }) => id === userId)
        if (!user) throw new Fault('not-found')
        const others = user.identities.filter((identity) => identity.issuer !== issuer)
        user.identities = [...others, { issuer, subject }]
      },
      createUser: async (tenantId, { name, displayName, issuer, subject }) => {
        if (userOf(tenantId, (user) => user.name === name)) throw new Fault('name-taken')
        return addUser(tenantId, name, { displayName: displayName ?? name, identities: [{ issuer, subject }] })
      },
      setMappedGroups: async (_tenantId, userId, mapped, memberOf) => {
        const user = users.get(userId)
        for (const group of mapped) user?.groups.delete(group)
        for (const group of memberOf) user?.groups.add(group)
      },
      identityProviders: async (tenantId) => providers.get(tenantId) ?? [],
      rolesOf: async () => [],
    },
    portal: {
      myApps: async (tenantId) =>
        [...apps.values()]
          .filter((entry) => entry.tenantId === tenantId)
          .map(({ app }) => ({
            name: app.name,
            displayName: app.displayName,
            kind: app.appKind,
            url: `https://${app.browserHost}/`,
            decision: {
              decision: app.enabled ? ('allow' as const) : ('deny' as const),
              reason: app.enabled ? null : 'policy',
              message: app.enabled ? 'Allowed.' : 'No policy allows it.',
              advice: app.enabled ? '' : 'Request access.',
              policies: [],
              missing: [],
              errors: [],
            },
          })),
      requestAccess: async (_tenantId, userId, app, reason) => {
        access.push({ userId, app, reason })
        return requestView(userId, app, reason)
      },
      accessRequests: async (_tenantId, userId) => ({
        mine: access.filter((r) => r.userId === userId).map((r) => requestView(r.userId, r.app, r.reason)),
        toDecide: access.filter((r) => r.userId !== userId).map((r) => requestView(r.userId, r.app, r.reason)),
      }),
      decideAccessRequest: async (_tenantId, userId) => requestView(userId, 'wiki', ''),
      reportStranger: async (_tenantId, userId) => {
        strangers.push(userId)
      },
      assertionKeys: async () => [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k' }],
    },
  }
  const signIn = await createSignIn(deps, {
    roundMs: 0,
    clientIp: (request) => String(request.headers['x-test-ip'] ?? '192.0.2.1'),
  })
  const server = createServer((request, response) => {
    // fetch() sets Host itself; what stands for it is put in place before anyone looks.
    const named = request.headers['x-test-host']
    if (typeof named === 'string') {
      request.headers.host = named
      request.rawHeaders.splice(0, request.rawHeaders.length, 'Host', named)
    }
    const host = (request.headers.host ?? '').replace(/:\d+$/, '')
    const guest = hosts.get(request.headers.host ?? '')
    if (guest) guest(request, response)
    else if (host === `id.${domain}`) signIn.idHandler(request, response)
    else if (host === `console.${domain}`) signIn.consoleAuthHandler(request, response)
    else signIn.portalHandler(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const port = (server.address() as AddressInfo).port

  function addUser(tenantId: string, name: string, more: Partial<SignInUser> = {}) {
    const user = {
      id: newId('user'),
      name,
      displayName: name,
      email: null,
      status: 'active' as const,
      identities: [],
      groups: new Set<string>(),
      tenantId,
      ...more,
    }
    users.set(user.id, user)
    return user
  }

  function addTenant(name: string) {
    const tenant: SignInTenant & { status: 'active' | 'suspended' } = {
      id: newId('tenant'),
      name,
      displayName: name.toUpperCase(),
      status: 'active',
      isProvider: false,
      sessionSeconds: 12 * 3600,
    }
    tenants.set(tenant.id, tenant)
    return tenant
  }

  function addApp(
    tenantId: string,
    name: string,
    host = `${name}.${tenants.get(tenantId)?.name}.${appsDomain}`,
    enabled = true,
  ) {
    const app = {
      id: newId('app'),
      name,
      displayName: name,
      browserHost: host,
      appKind: 'http',
      enabled,
    } as unknown as AppRecord
    apps.set(host, { tenantId, app })
    return host
  }

  /** A user who went through an invitation; with TOTP when `withTotp`. */
  async function invite(
    tenantId: string,
    name: string,
    more: { readonly withTotp?: boolean; readonly withPasskey?: Authenticator } = {},
  ) {
    const user =
      users.get([...users.values()].find((u) => u.tenantId === tenantId && u.name === name)?.id ?? '') ??
      addUser(tenantId, name)
    const { url } = await signIn.makeInvitation(tenantId, user.id, 3600)
    const browser = new Browser(port)
    const page = await browser.go(url)
    const secret = secretOn(page)
    const fields: Record<string, string> = { password, repeat: password }
    if (more.withTotp) fields['code'] = totpCode(secret, nowMs())
    if (more.withPasskey) fields['passkey'] = more.withPasskey.create(await passkeyOptions(browser, page))
    const done = await browser.submit(page, '/invitation', fields, { stopAt: (to) => to.pathname === '/' })
    if (done.status !== 303) throw new Error(`invitation refused: ${done.status} ${done.text}`)
    return { user, secret }
  }

  return {
    deps,
    store,
    signIn,
    port,
    tenants,
    users,
    providers,
    sessions,
    ended,
    confirmed,
    strangers,
    events,
    logs,
    access,
    /** Servers of others that the test browser reaches here. */
    hosts,
    fetchOwn: async (url: string, options: RequestInit) => {
      const { host, pathname } = new URL(url)
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-test-host': host }
      return fetch(`http://127.0.0.1:${port}${pathname}`, { method: 'POST', headers, body: String(options.body) })
    },
    addUser,
    addTenant,
    addApp,
    invite,
    nowMs,
    advance: (ms: number) => {
      aheadMs += ms
    },
    fillJournal: (isFull: boolean) => {
      isJournalFull = isFull
    },
    browser: (ip?: string) => new Browser(port, ip),
    portal: (name: string) => `https://${name}.${domain}`,
    [Symbol.asyncDispose]: async () => {
      await signIn.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await store.close()
    },
  }
}

/** Fetches the options of the passkey button on the page, as its script would. */
export async function passkeyOptions(browser: Browser, page: Answer): Promise<unknown> {
  const path = /data-options="([^"]+)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const token = /name="token" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  const answer = await browser.send(new URL(path, page.url), { json: { token } })
  if (answer.status !== 200) throw new Error(`no options: ${answer.status} ${answer.text}`)
  return JSON.parse(answer.text)
}

/** The TOTP secret that a page shows. */
export function secretOn(page: Answer): Uint8Array {
  const text = (/<code>([A-Z2-7 ]+)<\/code>/.exec(page.text)?.[1] ?? '').replaceAll(' ', '')
  let bits = ''
  for (const character of text)
    bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(character).toString(2).padStart(5, '0')
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
}

/** Signs in with the password (and the code) at the portal, and gives the page that it ends on. */
export async function signInAt(
  world: World,
  browser: Browser,
  tenantName: string,
  user: string,
  more: { readonly secret?: Uint8Array; readonly path?: string; readonly typed?: string } = {},
): Promise<Answer> {
  const page = await browser.go(`${world.portal(tenantName)}${more.path ?? '/'}`)
  let answer = await browser.submit(page, '/password', { user, password: more.typed ?? password })
  if (more.secret && answer.text.includes('name="code"')) {
    answer = await browser.submit(answer, '/code', { code: totpCode(more.secret, world.nowMs()) })
  }
  return answer
}

function requestView(user: string, app: string, reason: string) {
  return {
    id: 'req_aaaaaaaaaaaaaaaaaaaa',
    user,
    app,
    reason,
    status: 'open' as const,
    createdAt: '2026-01-01T00:00:00Z',
    decidedBy: null,
    decidedAt: null,
    accessUntil: null,
  }
}
