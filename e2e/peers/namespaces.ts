// Three hosts in network namespaces of our own: user — edge — app. The user's host has no route to the app's
// network, and the app's host drops every connection that it did not open itself. Needs root and nftables.
import { execFileSync, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'

export type HostName = 'user' | 'edge' | 'app'

export type Network = AsyncDisposable & {
  /** Addresses of the edge, as the user's host and as the app's host see it. */
  readonly edgeForUser: string
  readonly edgeForApp: string
  /** The one address under which both know it. */
  readonly edgePublic: string
  readonly appAddress: string
  /** The namespace's name, for `ip netns exec`. */
  netns(host: HostName): string
  /** A process on that host. */
  spawn(host: HostName, command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  run(host: HostName, command: string, args: readonly string[]): string
}

/** Why namespaces cannot be made here, or false. */
export function namespacesAbsent(): string | false {
  if (process.platform !== 'linux') return 'network namespaces need Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  for (const file of ['/usr/sbin/ip', '/usr/sbin/nft']) if (!existsSync(file)) return `${file} is not installed`
  return false
}

export function makeNetwork(): Network {
  const tag = `sp${process.pid.toString(36)}`
  const name = (host: HostName) => `${tag}-${host}`
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const inside = (host: HostName, ...args: string[]) => ip('netns', 'exec', name(host), ...args)
  const hosts = ['user', 'edge', 'app'] as const
  for (const host of hosts) {
    ip('netns', 'add', name(host))
    inside(host, 'ip', 'link', 'set', 'lo', 'up')
  }
  const join = (left: HostName, right: HostName, network: string) => {
    const [a, b] = [`${tag}${left[0]}${right[0]}`, `${tag}${right[0]}${left[0]}`]
    ip('link', 'add', a, 'netns', name(left), 'type', 'veth', 'peer', 'name', b, 'netns', name(right))
    for (const [host, link, last] of [
      [left, a, 1],
      [right, b, 2],
    ] as const) {
      inside(host, 'ip', 'address', 'add', `${network}.${last}/24`, 'dev', link)
      inside(host, 'ip', 'link', 'set', link, 'up')
    }
  }
  join('user', 'edge', '10.201.1')
  join('app', 'edge', '10.201.2')
  // An address of the edge itself. Neither side gets a route beyond it, and the edge forwards for nobody.
  inside('edge', 'ip', 'address', 'add', '10.201.3.1/32', 'dev', 'lo')
  inside('user', 'ip', 'route', 'add', '10.201.3.1/32', 'via', '10.201.1.2')
  inside('app', 'ip', 'route', 'add', '10.201.3.1/32', 'via', '10.201.2.2')
  inside('app', 'nft', 'add table inet wall')
  inside('app', 'nft', 'add chain inet wall input { type filter hook input priority 0; policy drop; }')
  inside('app', 'nft', 'add rule inet wall input iif lo accept')
  inside('app', 'nft', 'add rule inet wall input ct state established,related accept')
  return {
    edgeForUser: '10.201.1.2',
    edgeForApp: '10.201.2.2',
    edgePublic: '10.201.3.1',
    appAddress: '10.201.2.1',
    netns: name,
    spawn: (host, command, args, options = {}) => spawn('ip', ['netns', 'exec', name(host), command, ...args], options),
    run: (host, command, args) =>
      execFileSync('ip', ['netns', 'exec', name(host), command, ...args], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      }),
    async [Symbol.asyncDispose]() {
      for (const host of hosts) {
        try {
          ip('netns', 'del', name(host))
        } catch {
          // It is gone already; the others must still be removed.
        }
      }
    },
  }
}
