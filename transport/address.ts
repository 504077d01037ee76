// Where to dial, as people and lists write it. Must never guess a port, nor take a host with anything beside it.
import type { DialTarget } from './dial.ts'

/** `host:port` or `[ipv6]:port`. */
export function parseAddress(text: string): DialTarget | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@?#]{1,253})):([1-9]\d{0,4})$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || port > 65_535 ? undefined : { host, port }
}
