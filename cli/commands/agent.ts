// Commands of the person with an agent. They load nothing of the servers.
import { readFileSync } from 'node:fs'
import { Fault, isFault } from '#core/fault.ts'
import { type Command, type Input, UsageFault } from '#cli/command.ts'
import { parseEndpoint } from '#cli/endpoints.ts'
import { partLog } from '#cli/log.ts'
import { watchConfigOf, watchOptions } from '#cli/watching/options.ts'
import { restartWhenCold } from '#cli/warm-start.ts'
import { safe, table, write, writeError, writeJson } from '#cli/output.ts'

const stateOption = {
  state: { type: 'string', help: 'folder for keys and state (default: $XDG_STATE_HOME/sallyport)' },
} as const
const jsonOption = { json: { type: 'boolean', help: 'write JSON for machines' } } as const

export type PortalPlace = { readonly tenant: string; readonly domain: string; readonly port: number }

/** `https://acme.example.net[:port]` → tenant `acme` of the domain `example.net`. */
export function parsePortal(text: string): PortalPlace {
  const url = URL.parse(text.includes('://') ? text : `https://${text}`)
  const [tenant = '', ...domain] = url?.hostname.split('.') ?? []
  if (url?.protocol !== 'https:' || domain.length === 0) {
    throw new Fault('configuration-invalid', {
      hint: `"${text}" is not the address of a portal, such as https://acme.example.net.`,
    })
  }
  return { tenant, domain: domain.join('.'), port: url.port === '' ? 443 : Number(url.port) }
}

export function readCa(input: Input): { readonly caPem?: readonly string[] } {
  const file = input.text('ca')
  if (file === undefined) return {}
  const text = readFileSync(file, 'utf8')
  const pems = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (pems === null) throw new Fault('configuration-invalid', { hint: `${file} holds no PEM certificate.` })
  return { caPem: pems }
}

/** A server whose authority is not known here: which option names it. */
export function namingTrust(fault: unknown, isNamed: boolean, options: string): unknown {
  if (isNamed || !isFault(fault, 'certificate-refused') || fault.hint === undefined) return fault
  return new Fault(fault.code, { hint: `${fault.hint} Name its authority with ${options}.`, cause: fault })
}

const stateOf = (input: Input): { readonly stateFolder?: string } => {
  const stateFolder = input.text('state')
  return stateFolder === undefined ? {} : { stateFolder }
}

export const login: Command = {
  usage: 'agent login --server URL',
  summary: 'sign in on this device; makes its key and gets its certificate',
  options: {
    server: { type: 'string', help: "address of your organisation's portal: https://<tenant>.<domain>[:port]" },
    ca: { type: 'string', help: 'PEM file of the authority to trust (default: public roots)' },
    pin: { type: 'string', help: 'or the thumbprint of its key' },
    address: { type: 'string', help: 'host:port to dial, where the names do not resolve' },
    device: { type: 'boolean', help: 'show a code to type on another device, where there is no browser' },
    name: { type: 'string', help: 'name of this device (default: host name)' },
    ...stateOption,
    ...jsonOption,
  },
  positionals: [0, 0],
  async run(input) {
    const server = input.text('server')
    if (server === undefined) throw new UsageFault('--server is needed', login)
    const verbs = await import('#agent/verbs.ts')
    const [pin, address, deviceName] = [input.text('pin'), input.text('address'), input.text('name')]
    const signingIn = verbs.login(
      {
        ...parsePortal(server),
        ...readCa(input),
        ...stateOf(input),
        flow: input.flag('device') ? 'device' : 'browser',
        ...(pin !== undefined && { pin }),
        ...(address !== undefined && { address: parseEndpoint(address, '--address') }),
        ...(deviceName !== undefined && { deviceName }),
      },
      {
        signal: input.signal,
        notice: (text) => writeError(safe(text)),
        show: ({ url, userCode }) => {
          if (input.isJson) writeError(JSON.stringify({ url, ...(userCode !== undefined && { userCode }) }))
          else if (userCode !== undefined) writeError(`Open ${url} on any device and type ${userCode}`)
          else
            writeError(
              verbs.openBrowser(url)
                ? `Sign in in the browser that has opened. If none did, open\n${url}`
                : `Open this page to sign in:\n${url}`,
            )
        },
      },
    )
    const result = await signingIn.catch((fault: unknown) => {
      const isNamed = input.text('ca') !== undefined || pin !== undefined
      throw namingTrust(fault, isNamed, '--ca FILE, or the thumbprint of its key with --pin')
    })
    if (input.isJson) writeJson(result)
    else
      write(
        safe(
          `Signed in to ${result.tenant} as ${result.user} until ${new Date(result.sessionExpiresAt).toISOString()}. Next: sallyport agent up`,
        ),
      )
    return 0
  },
}

export const up: Command = {
  usage: 'agent up',
  summary: 'open the local doors: SOCKS, HTTP proxy with PAC file, fixed ports, names',
  options: {
    socks: { type: 'string', help: 'port of the SOCKS5 door (default 1080; 0: any; none)' },
    http: { type: 'string', help: 'port of the HTTP proxy and PAC file (default 3128; 0: any; none)' },
    forward: {
      type: 'string',
      multiple: true,
      short: 'L',
      help: 'PORT=HOST:PORT, a fixed local port; PORT 0: any; may be repeated',
    },
    names: { type: 'boolean', help: 'answer app names by a local DNS, from addresses of this machine (root on Linux)' },
    'ipv4-pool': { type: 'string', help: 'addresses for names (default a /16 of 100.64.0.0/10)' },
    'ipv6-pool': { type: 'string', help: 'the same for IPv6 (default a ULA prefix)' },
    only: { type: 'string', multiple: true, help: 'only this tenant; may be repeated (default: all signed in to)' },
    secret: { type: 'string', help: 'environment variable with a secret that programs must give at the doors' },
    ...watchOptions,
    ...stateOption,
    ...jsonOption,
  },
  positionals: [0, 0],
  async run(input) {
    const verbs = await import('#agent/verbs.ts')
    const { watch } = await import('#cli/watching/watch.ts')
    const { agentSamples, whyAgentNotReady } = await import('#cli/watching/edge-figures.ts')
    await restartWhenCold(() => import('#agent/http-upstream.ts'))
    const watchAt = watchConfigOf(input)
    const tenants = input.list('only')
    const secretFrom = input.text('secret')
    const secret = secretFrom === undefined ? undefined : process.env[secretFrom]
    if (secretFrom !== undefined && !secret)
      throw new Fault('configuration-invalid', { hint: `The variable ${secretFrom} is not set.` })
    const agent = await verbs.up(
      {
        ...stateOf(input),
        ...(tenants.length > 0 && { tenants }),
        socksPort: doorPort(input, 'socks', 1080),
        httpPort: doorPort(input, 'http', 3128),
        forwards: input.list('forward').map(verbs.parseForward),
        ...(secret !== undefined && { secret }),
        ...namesOf(input),
        ...personBehindSudo(),
      },
      { log: partLog('agent') },
    )
    input.signal.addEventListener('abort', () => void agent.close())
    const watched = await watch(watchAt, {
      part: 'agent',
      collect: () => agentSamples(agent.status()),
      whyNotReady: () => whyAgentNotReady(agent.status()),
    }).catch(async (error: unknown) => {
      await agent.close()
      throw error
    })
    const { doors } = agent.status()
    if (input.isJson) write(JSON.stringify({ doors }))
    else
      write(
        doors
          .map(
            ({ kind, address, leadsTo }) =>
              `${kind.padEnd(8)} ${address}${leadsTo === undefined ? '' : `  → ${leadsTo}`}`,
          )
          .join('\n'),
      )
    await agent.stopped
    await watched.close()
    return 0
  },
}

function namesOf(input: Input): { readonly names?: { readonly ipv4Pool?: string; readonly ipv6Pool?: string } } {
  const [ipv4Pool, ipv6Pool] = [input.text('ipv4-pool'), input.text('ipv6-pool')]
  if (!input.flag('names')) return {}
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Fault('configuration-invalid', { hint: '--names needs root on Linux; the other doors do not.' })
  }
  return { names: { ...(ipv4Pool !== undefined && { ipv4Pool }), ...(ipv6Pool !== undefined && { ipv6Pool }) } }
}

/** Started through sudo, the doors are for the person who did so. */
function personBehindSudo(): { readonly extraUids?: readonly number[] } {
  const uid = process.env['SUDO_UID']
  return process.getuid?.() === 0 && uid !== undefined && /^\d{1,10}$/.test(uid) ? { extraUids: [Number(uid)] } : {}
}

function doorPort(input: Input, name: string, fallback: number): number | null {
  const text = input.text(name)
  if (text === undefined) return fallback
  if (text === 'none') return null
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new Fault('configuration-invalid', { hint: `--${name} takes a port or none.` })
  return Number(text)
}

export const status: Command = {
  usage: 'agent status',
  summary: 'whether the agent runs, as whom, and through which doors',
  options: { ...stateOption, ...jsonOption },
  positionals: [0, 0],
  async run(input) {
    const { status: ask } = await import('#agent/verbs.ts')
    const answer = await ask(input.text('state'))
    if (input.isJson) writeJson(answer)
    else {
      write(answer.isRunning ? 'The agent is running.' : 'The agent is not running.')
      const tenants = answer.tenants ?? []
      if (tenants.length > 0)
        write(
          table(
            ['TENANT', 'USER', 'STATE', 'FLOWS', 'SESSION UNTIL'],
            tenants.map((each) => [
              each.tenant,
              each.user,
              each.state,
              each.liveFlows,
              each.sessionExpiresAtMs === null ? null : new Date(each.sessionExpiresAtMs).toISOString(),
            ]),
          ),
        )
      for (const { tenant, state } of tenants)
        if (state === 'contained') write(`${tenant}: ${new Fault('contained').message}`)
      for (const { kind, address, leadsTo } of answer.doors ?? [])
        write(`${kind.padEnd(8)} ${address}${leadsTo === undefined ? '' : `  → ${leadsTo}`}`)
    }
    return answer.isRunning ? 0 : 1
  },
}

export const apps: Command = {
  usage: 'agent apps',
  summary: 'apps by name, and whether policy lets you reach each now',
  options: { ...stateOption, ...jsonOption },
  positionals: [0, 0],
  async run(input) {
    const { apps: ask } = await import('#agent/verbs.ts')
    const answer = await ask(input.text('state'))
    if (input.isJson) writeJson(answer)
    else {
      const names = (app: (typeof answer)[number]) =>
        app.names.flatMap(({ host, ports }) => ports.map((port) => `${host}:${port}`)).join(' ')
      write(
        table(
          ['TENANT', 'APP', 'KIND', 'ALLOWED', 'NAMES', 'REASON'],
          answer.map((app) => [app.tenant, app.name, app.appKind, app.allowed ? 'yes' : 'no', names(app), app.reason]),
        ),
      )
    }
    return 0
  },
}

export const down: Command = {
  usage: 'agent down',
  summary: 'stop the agent',
  options: stateOption,
  positionals: [0, 0],
  async run(input) {
    const { down: stop } = await import('#agent/verbs.ts')
    const wasRunning = await stop(input.text('state'))
    write(wasRunning ? 'The agent is stopping.' : 'No agent was running.')
    return 0
  },
}

export const logout: Command = {
  usage: 'agent logout TENANT',
  summary: 'end the session, and forget the key and certificate for a tenant on this device',
  options: { ...stateOption, ...jsonOption },
  positionals: [1, 1],
  async run(input) {
    const { logout: forget } = await import('#agent/verbs.ts')
    const tenant = input.words[0] ?? ''
    const end = await forget(tenant, input.text('state'))
    if (input.isJson) writeJson(end ?? { kind: 'unknown' })
    else if (end === undefined) write(safe(`This device was not signed in to ${tenant}.`))
    else if (end.kind !== 'untold') write(safe(`Signed out of ${tenant}; the key was forgotten on this device.`))
    else
      writeError(
        safe(
          `The key was forgotten on this device, but the session could not be ended (${end.code}): it ends by itself at ${end.expiresAt}. ` +
            'An administrator can end it sooner, with "sallyport session end".',
        ),
      )
    return end === undefined || end.kind === 'untold' ? 1 : 0
  },
}

export const repair: Command = {
  usage: 'agent repair',
  summary: 'put back name resolution as it was before --names, after a crash or a power cut',
  options: stateOption,
  positionals: [0, 0],
  async run(input) {
    const { repair: putBack } = await import('#agent/verbs.ts')
    const wasNeeded = await putBack(input.text('state'))
    write(wasNeeded ? 'Name resolution is as it was.' : 'There was nothing to repair.')
    return 0
  },
}
