// Load: what people do with their apps, one request or flow at a time, each with a name of its own by which its decision
// can be found in the journal.
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, type LookupFunction } from 'node:net'
import { Person } from '#demo/person.ts'
import type { Chance } from './chance.ts'
import { appsDomain, password, people, type Installation } from './install.ts'
import type { Ledger, SignedIn } from './ledger.ts'

const REQUEST_DEADLINE_MS = 15_000
const COOKIE = '__Host-sallyport'
export const browserHost = `shop.acme.${appsDomain}`

/** Reasons that say "not now": a part is away. Every other refusal of what policy allows is wrong. */
const passingReasons: ReadonlySet<string> = new Set(['no-connector', 'snapshot-stale'])

/** One request or flow. Resolves with why it failed, or undefined. */
export type Attempt = () => Promise<string | undefined>

export type Traffic = {
  readonly throughAgent: Attempt
  readonly throughBrowser: Attempt
  readonly sealed: Attempt
  readonly signIn: () => Promise<void>
  readonly signOut: () => Promise<void>
}

type Answer = { readonly status: number; readonly reason: string | undefined; readonly text: string }

export function createTraffic(world: Installation, ledger: Ledger, chance: Chance): Traffic {
  let number = 0
  let visits = 0

  async function attempt(way: 'agent' | 'browser' | 'sealed', work: () => Promise<string | undefined>) {
    const startedAtMs = Date.now()
    let why: string | undefined
    try {
      why = await work()
    } catch (error) {
      why = error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error)
    }
    if (why === undefined) ledger.began(way, startedAtMs)
    else ledger.lost(way, why)
    return why
  }

  async function web(
    way: 'agent' | 'browser',
    send: (method: string, path: string) => Promise<Answer>,
    isExpected: () => boolean = () => true,
  ) {
    const path = `/${way}/${number++}`
    const method = chance.next() < 0.3 ? 'POST' : 'GET'
    return attempt(way, async () => {
      const { status, reason, text } = await send(method, path)
      if (status === 200 && text === `${method} ${path}`) {
        ledger.requests.push(text)
        return undefined
      }
      const why = `${status} ${reason ?? ''}`
      if (!isExpected()) return why
      if (status === 200) ledger.surprise(`${way}: another answer: ${text.slice(0, 100)}`)
      else if (status < 500 && !passingReasons.has(reason ?? '')) ledger.surprise(`${way}: ${why}`)
      return why
    })
  }

  return {
    throughAgent: () =>
      web('agent', (method, path) =>
        answerOf(
          httpRequest({
            host: '127.0.0.1',
            port: world.ports.http,
            agent: false,
            method,
            signal: deadline(),
            path: `http://shop.acme.test${path}`,
            headers: {
              host: 'shop.acme.test',
              accept: 'application/json',
            },
          }),
        ),
      ),
    async throughBrowser() {
      const live = [...ledger.sessions.values()].filter(({ state }) => state === 'live').slice(-5)
      const [first, ...rest] = live
      if (first === undefined) return 'nobody is signed in'
      const one = chance.pick([first, ...rest])
      // Another worker may end the session meanwhile; then a refusal is right.
      return await web(
        'browser',
        (method, path) => visit(world, one.made, method, path, deadline()),
        () => one.state === 'live',
      )
    },
    sealed: () =>
      attempt('sealed', async () => {
        const host = `flow-${number++}.echo.acme.test`
        const flow = await openEcho(world.ports.socks, host, deadline())
        try {
          await flow.say(host)
        } finally {
          flow.close()
        }
        ledger.flows.push(host)
        return undefined
      }),
    async signIn() {
      const user = people[visits++ % people.length] ?? ''
      const startedAtMs = Date.now()
      try {
        const made = await signIn(world, user)
        ledger.sessions.set(made.sessionId, { made, state: 'live' })
        ledger.began('sign-in', startedAtMs)
      } catch (error) {
        const why = error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error)
        ledger.lost('sign-in', why.split('\n')[0]?.replaceAll(/[\w-]{20,}/g, '…') ?? '')
      }
    },
    async signOut() {
      const [oldest] = [...ledger.sessions.values()].filter(({ state }) => state === 'live')
      if (oldest === undefined || ledger.sessions.size < 12) return
      oldest.state = 'unknown'
      try {
        const { status } = await visit(world, oldest.made, 'POST', '/.sallyport/sign-out', deadline())
        if (status === 200) oldest.state = 'gone'
      } catch {
        // Either outcome is right now.
      }
    },
  }
}

const deadline = () => AbortSignal.timeout(REQUEST_DEADLINE_MS)

/** One request with the session's cookie. */
export function visit(
  world: Installation,
  made: SignedIn,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<Answer> {
  return answerOf(
    httpsRequest({
      host: browserHost,
      port: world.ports.public,
      agent: false,
      method,
      path,
      signal,
      lookup: loopback,
      ca: world.seed.caPem,
      headers: {
        cookie: `${COOKIE}=${made.cookie}`,
        accept: 'application/json',
        ...(method !== 'GET' && { origin: `https://${browserHost}:${world.ports.public}` }),
      },
    }),
  )
}

async function signIn(world: Installation, user: string): Promise<SignedIn> {
  const person = new Person(world.seed.caPem)
  const page = await person.open(`https://${browserHost}:${world.ports.public}/welcome`)
  const after = await person.submit(page, { user, password })
  if (after.status !== 200 || after.text !== 'GET /welcome')
    throw new Error(`${after.status} at ${after.url.hostname}${after.url.pathname}`)
  const cookie = person.cookiesOf(`${browserHost}:${world.ports.public}`).get(COOKIE) ?? ''
  return { user, sessionId: sessionOf(cookie), cookie }
}

/** The cookie is signed, not secret to its holder: one of its parts is JSON. */
function sessionOf(cookie: string): string {
  for (const part of cookie.split('.')) {
    const found = /"sessionId":"(ses_[a-z0-9]+)"/.exec(Buffer.from(part, 'base64url').toString('latin1'))
    if (found?.[1] !== undefined) return found[1]
  }
  throw new Error('the cookie names no session')
}

function answerOf(request: ClientRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  request.once('response', (response: IncomingMessage) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => (text += chunk))
    response.once('error', reject)
    response.once('end', () => {
      const reason = response.headers['sallyport-reason']
      resolve({ status: response.statusCode ?? 0, reason: typeof reason === 'string' ? reason : undefined, text })
    })
    response.once('close', () => reject(new Error('the answer was cut')))
  })
  request.once('error', reject)
  request.end()
  return promise
}

export type Echo = { readonly say: (line: string) => Promise<void>; readonly close: () => void }

/** RFC 1928 CONNECT to the echo app under this name; what is said comes back, or the promise rejects. */
export async function openEcho(port: number, host: string, signal: AbortSignal): Promise<Echo> {
  const name = Buffer.from(host, 'latin1')
  const socket = connect({ port, host: '127.0.0.1', signal })
  let got = Buffer.alloc(0)
  let failure: Error | undefined
  let look = () => {}
  const fail = (error: Error) => {
    failure ??= error
    look()
  }
  socket.on('error', fail)
  socket.once('close', () => fail(new Error('the flow was closed')))
  socket.on('data', (bytes: Buffer) => {
    got = Buffer.concat([got, bytes])
    look()
  })
  async function until(isThere: () => boolean): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    look = () => {
      if (isThere()) resolve()
      else if (failure !== undefined) reject(failure)
    }
    look()
    await promise
  }
  socket.write(Buffer.from([5, 1, 0]))
  socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, name.length]), name, Buffer.from([0, 7])]))
  try {
    // Two bytes of greeting, then version and outcome.
    await until(() => got.length >= 4)
    if (got[3] !== 0) throw new Error(`SOCKS code ${got[3] ?? ''}`)
  } catch (error) {
    socket.destroy()
    throw error
  }
  return {
    async say(line) {
      socket.write(`${line}\n`)
      await until(() => got.includes(`${line}\n`))
    },
    close: () => socket.destroy(),
  }
}

const loopback: LookupFunction = (_name, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}
