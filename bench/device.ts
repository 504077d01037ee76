// A device of a person as the bench uses it: really signed in, opening flows with the agent's own code, so that one
// process can hold thousands of them.
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Exchanges } from '#agent/exchanges.ts'
import { openFlow } from '#agent/open-flow.ts'
import type { Profile } from '#agent/profile.ts'
import { signIn } from '#agent/sign-in.ts'
import { formsOf, Person } from '#demo/person.ts'
import { DOMAIN, type Product } from '#e2e/product.ts'
import type { Credentials } from '#e2e/world-form.ts'

export type Device = AsyncDisposable & {
  readonly profile: Profile
  /** A flow to an app, sealed or a tunnel; throws when it is refused. */
  readonly open: (host: string, port: number) => Promise<Socket>
  /** A raw connection to the agent door. */
  readonly door: () => Promise<TLSSocket>
}

export async function enrolDevice(
  product: Pick<Product, 'port' | 'webCaPem'>,
  { user, password }: Credentials,
  tenant = 'acme',
): Promise<Device> {
  const stateFolder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'))
  let driven: Promise<void> | undefined
  const profile = await signIn(
    { stateFolder, tenant, domain: DOMAIN, port: product.port, caPem: [product.webCaPem], flow: 'browser' },
    {
      show({ url }) {
        driven = answer(new Person(product.webCaPem), url, user, password)
      },
    },
  )
  await driven
  const exchanges = new Exchanges(profile, { nowMs: Date.now })
  const ending = new AbortController()
  const context = { exchanges, profile: () => profile, signal: ending.signal }
  return {
    profile,
    async open(host, port) {
      const flow = await openFlow(host, port, context)
      if (flow.kind === 'refused') throw new Error(`${host}:${port} is refused: ${flow.denial.reason}`)
      flow.socket.on('error', () => {})
      return flow.socket
    },
    async door() {
      const [exchange] = exchanges.inOrder
      if (exchange === undefined) throw new Error('no exchange')
      const socket = await exchanges.connect(exchange)
      socket.on('error', () => {})
      return socket
    },
    async [Symbol.asyncDispose]() {
      ending.abort()
      await exchanges.close()
      await rm(stateFolder, { recursive: true, force: true })
    },
  }
}

async function answer(person: Person, url: string, user: string, password: string): Promise<void> {
  let page = await person.open(url)
  for (let step = 0; step < 6; step++) {
    const fields = new Set(formsOf(page).flatMap((form) => [...form.fields.keys()]))
    if (fields.has('password')) page = await person.submit(page, { user, password })
    else if (page.text.includes('/connect"')) page = await person.submit(page, {}, /\/connect$/)
    else return
  }
}

/** Several devices of one person, one after the other: sign-ins are throttled on purpose. */
export async function enrolDevices(count: number, product: Product, tenant = 'acme'): Promise<Device[]> {
  const credentials = product.accounts.get(`${tenant}/alice`)
  if (credentials === undefined) throw new Error('alice is not there')
  const devices: Device[] = []
  for (let each = 0; each < count; each++) devices.push(await enrolDevice(product, credentials, tenant))
  return devices
}
