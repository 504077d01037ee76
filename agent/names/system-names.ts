// Points this machine's resolver and routes at the agent, and back (Linux, root). Must never leave the machine without
// the resolvers it had: they stay in the file behind ours, and a backup is on the disk before anything changes.
import { execFile } from 'node:child_process'
import { readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { Fault } from '#core/fault.ts'
import { readWhole, writeWhole } from '#transport/state-folder.ts'
import { overlaps, parsePrefix, type Prefix } from './address-pool.ts'

const run = promisify(execFile)

/** Of 127.0.0.0/8: the kernel drops what claims to come to it from a network. */
export const DNS_ADDRESS = '127.53.83.1'
const RESOLV_CONF = '/etc/resolv.conf'
const BACKUP = 'resolver-backup.json'
const HEADER = '# Made by sallyport agent. "sallyport agent repair" puts back what was here.'
const LINK = 'sallyport0'
const MAX_RESOLVERS = 3 // MAXNS of glibc and musl: further lines are not read

type Backup = {
  readonly pools: { readonly ipv4: string; readonly ipv6: string }
  /** Of resolv.conf; null: systemd-resolved was told, the file was left alone. */
  readonly content: string | null
  readonly linkTarget: string | null
}

export type SystemNames = {
  /** Resolvers of before, without ourselves. */
  readonly upstreams: readonly { readonly host: string; readonly port: number }[]
  readonly addAddress: (ipv6: string) => Promise<void>
  /** Tells the resolver which names are ours, where it can be told. */
  readonly setDomains: (domains: readonly string[]) => Promise<void>
  readonly restore: () => Promise<void>
}

/** Throws `configuration-invalid` when a pool overlaps a route of this machine; then nothing has changed. */
export async function setUpSystemNames(stateFolder: string, ipv4: Prefix, ipv6: Prefix): Promise<SystemNames> {
  // What an agent left behind that was killed.
  await repairNames(stateFolder)
  await requireFree(ipv4)
  await requireFree(ipv6)
  const content = await readFile(RESOLV_CONF, 'utf8').catch(() => '')
  const upstreams = resolversIn(content).map((host) => ({ host, port: 53 }))
  const hasResolved = await isResolvedRunning()
  const linkTarget = await readlink(RESOLV_CONF).catch(() => null)
  const backup: Backup = {
    pools: { ipv4: ipv4.text, ipv6: ipv6.text },
    content: hasResolved ? null : content,
    linkTarget: hasResolved ? null : linkTarget,
  }
  await writeWhole(stateFolder, BACKUP, JSON.stringify(backup))
  try {
    await ip('route', 'add', 'local', ipv4.text, 'dev', 'lo')
    if (hasResolved) await addLink()
    else await replaceResolvConf(withOurs(content))
  } catch (cause) {
    await repairNames(stateFolder)
    throw new Fault('configuration-invalid', { hint: 'Names could not be set up; root is needed.', cause })
  }
  return {
    upstreams,
    // A local route is enough to bind IPv4, IPv6 wants the address itself; without IPv6 there is nothing to add.
    addAddress: async (address) => {
      await ip('-6', 'addr', 'add', `${address}/128`, 'dev', 'lo', 'nodad').catch(() => {})
    },
    setDomains: async (domains) => {
      if (hasResolved) await run('resolvectl', ['domain', LINK, ...domains.map((domain) => `~${domain}`)])
    },
    restore: async () => {
      await repairNames(stateFolder)
    },
  }
}

/** `sallyport agent repair`: puts back what was there before names were set up. True when there was something to do. */
export async function repairNames(stateFolder: string): Promise<boolean> {
  const text = await readWhole(stateFolder, BACKUP, 1_048_576)
  if (text === undefined) return false
  const { pools, content, linkTarget } = JSON.parse(text) as Backup
  await ip('route', 'del', 'local', parsePrefix(pools.ipv4).text, 'dev', 'lo').catch(() => {})
  await removeAddresses(parsePrefix(pools.ipv6))
  if (content === null) await ip('link', 'del', LINK).catch(() => {})
  else {
    const now = await readFile(RESOLV_CONF, 'utf8').catch(() => HEADER)
    // Somebody else has written it since (a new network): theirs is newer than our backup.
    if (now.startsWith(HEADER)) await putBack(content, linkTarget)
  }
  await rm(`${stateFolder}/${BACKUP}`, { force: true })
  return true
}

/** Ours first, then those of before: when the agent is gone the next line answers, at once. */
export function withOurs(content: string): string {
  const others = content.split('\n').filter((line) => !/^\s*nameserver\s/.test(line) && line !== HEADER)
  const before = resolversIn(content).slice(0, MAX_RESOLVERS - 1)
  const servers = [DNS_ADDRESS, ...before].map((address) => `nameserver ${address}`)
  return `${[HEADER, ...servers, ...others.filter((line) => line.trim() !== '')].join('\n')}\n`
}

export function resolversIn(content: string): readonly string[] {
  return content.split('\n').flatMap((line) => {
    const address = /^\s*nameserver\s+(\S+)/.exec(line)?.[1]
    return address !== undefined && isIP(address.split('%')[0] ?? '') !== 0 && address !== DNS_ADDRESS ? [address] : []
  })
}

async function requireFree(pool: Prefix): Promise<void> {
  const { stdout } = await ip(pool.family === 4 ? '-4' : '-6', '-j', 'route', 'show', 'table', 'all')
  const routes = JSON.parse(stdout === '' ? '[]' : stdout) as readonly { readonly dst?: string }[]
  for (const { dst } of routes) {
    if (dst === undefined || dst === 'default') continue
    const route = parsePrefix(dst.includes('/') ? dst : `${dst}/${pool.family === 4 ? 32 : 128}`)
    // A default route by another name covers everything and means nothing.
    if (route.bits > 0 && overlaps(route, pool)) {
      throw new Fault('configuration-invalid', {
        hint: `The pool ${pool.text} overlaps the route ${dst} of this machine; choose another.`,
      })
    }
  }
}

async function removeAddresses(pool: Prefix): Promise<void> {
  const { stdout } = await ip('-6', '-j', 'addr', 'show', 'dev', 'lo').catch(() => ({ stdout: '[]' }))
  const links = JSON.parse(stdout === '' ? '[]' : stdout) as readonly {
    readonly addr_info?: readonly { readonly local?: string }[]
  }[]
  for (const { local } of links.flatMap(({ addr_info = [] }) => addr_info)) {
    if (local === undefined || !overlaps(parsePrefix(`${local}/128`), pool)) continue
    await ip('-6', 'addr', 'del', `${local}/128`, 'dev', 'lo').catch(() => {})
  }
}

async function isResolvedRunning(): Promise<boolean> {
  try {
    await run('resolvectl', ['status'], { timeout: 5000 })
    return true
  } catch {
    return false
  }
}

/** systemd-resolved takes servers per link, and none for lo. */
async function addLink(): Promise<void> {
  await ip('link', 'add', LINK, 'type', 'dummy')
  await ip('link', 'set', LINK, 'up')
  await run('resolvectl', ['dns', LINK, DNS_ADDRESS])
  await run('resolvectl', ['default-route', LINK, 'false'])
}

async function replaceResolvConf(content: string): Promise<void> {
  const temporary = `${RESOLV_CONF}.sallyport`
  await writeFile(temporary, content, { mode: 0o644 })
  try {
    await rename(temporary, RESOLV_CONF)
  } catch {
    // Mounted into a container or namespace: it can be written, not replaced.
    await rm(temporary, { force: true })
    await writeFile(RESOLV_CONF, content)
  }
}

async function putBack(content: string, linkTarget: string | null): Promise<void> {
  if (linkTarget === null) return replaceResolvConf(content)
  const temporary = `${RESOLV_CONF}.sallyport`
  await rm(temporary, { force: true })
  await symlink(linkTarget, temporary)
  await rename(temporary, RESOLV_CONF)
}

function ip(...args: string[]) {
  return run('ip', args, { timeout: 10_000 })
}
