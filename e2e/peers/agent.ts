// The agent of one person on a device of their own: signs in as the person would, then runs until disposed of.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { formsOf, Person } from '#demo/person.ts'
import { accountsAbsent, borrowAccount, returnAccount, temporaryFolder } from '#e2e/accounts.ts'
import { DOMAIN, type Product } from '#e2e/product.ts'
import { commandFor, runSallyport, type RunOptions, sallyportCommand } from '#e2e/run-sallyport.ts'
import type { AgentHandle, Credentials } from '#e2e/world-form.ts'
import { freePort } from './ports.ts'

const SIGN_IN_DEADLINE_MS = 60_000

export type AgentOptions = {
  readonly product: Product
  readonly tenant: string
  readonly credentials: Credentials
  readonly forwards: readonly string[]
  /** An account of its own; programs must run under it to be served. */
  readonly isApart: boolean
  /** On another host: its namespace and the exchange's address there. The person signs in on a second device. */
  readonly elsewhere?: { readonly netns: string; readonly address: string }
}

export async function startAgent(options: AgentOptions): Promise<AgentHandle> {
  await using opened = new AsyncDisposableStack()
  const account = options.isApart && !accountsAbsent() ? borrowAccount() : undefined
  if (account) opened.defer(() => returnAccount(account))
  const state = temporaryFolder('sallyport-agent-', account)
  opened.defer(() => rm(state, { recursive: true, force: true }))
  const where: RunOptions = { account, netns: options.elsewhere?.netns }
  await signIn(options, state, where)
  const args = ['agent', 'up', '--state', state, '--socks', '0', '--http', '0', '--json']
  const fixed = await Promise.all(
    options.forwards.map(async (target) => ['--forward', `${await freePort()}=${target}`]),
  )
  const running = await runSallyport([...args, ...fixed.flat()], /^\{"doors"/, where)
  opened.defer(() => running.stop())
  const { doors } = JSON.parse(running.line) as { doors: { kind: string; address: string; leadsTo?: string }[] }
  const portOf = (address: string | undefined) => Number(address?.split(':').at(-1))
  const [socksPort, httpPort] = ['socks5', 'http'].map((kind) =>
    portOf(doors.find((door) => door.kind === kind)?.address),
  )
  const kept = opened.move()
  return {
    socksPort: socksPort ?? 0,
    httpPort: httpPort ?? 0,
    pacUrl: `http://127.0.0.1:${httpPort}/proxy.pac`,
    forwards: new Map(doors.flatMap(({ leadsTo, address }) => (leadsTo ? [[leadsTo, portOf(address)]] : []))),
    account,
    state,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function signIn(
  { product, tenant, credentials, elsewhere }: AgentOptions,
  state: string,
  where: RunOptions,
): Promise<void> {
  const { user, password } = credentials
  const args = [
    ['agent', 'login', '--server', `https://${tenant}.${DOMAIN}:${product.port}`, '--ca', product.webCaFile],
    ['--state', state, '--name', `${user}-laptop`, '--json'],
    elsewhere ? ['--device', '--address', elsewhere.address] : [],
  ].flat()
  const [command, rest] = commandFor(sallyportCommand(args), where)
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], timeout: SIGN_IN_DEADLINE_MS })
  let said = ''
  const ended = once(child, 'exit')
  const { url, userCode = '' } = await new Promise<{ url: string; userCode?: string }>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said += `${line}\n`
      if (line.startsWith('{"url"')) resolve(JSON.parse(line) as { url: string; userCode?: string })
    })
    child.once('exit', (code) => reject(new Error(`agent login ended with ${code ?? ''}: ${said}`)))
  })
  const person = new Person(product.webCaPem)
  let page = await person.open(url)
  // The pages ask for the code of a device, who it is, and whether this is the person's own doing.
  for (let step = 0; step < 6; step++) {
    const fields = new Set(formsOf(page).flatMap((form) => [...form.fields.keys()]))
    if (fields.has('password')) page = await person.submit(page, { user, password })
    else if (fields.has('confirm')) page = await person.submit(page, { confirm: 'yes' })
    else if (fields.has('user_code')) page = await person.submit(page, { user_code: userCode })
    else if (page.text.includes('/connect"')) page = await person.submit(page, {}, /\/connect$/)
    else break
  }
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`agent login failed: ${said}\n${page.url.href}: ${page.text.slice(0, 2000)}`)
}
