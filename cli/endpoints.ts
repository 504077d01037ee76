// Addresses as people write them: `host:port`, `[::1]:port`, `https://host[:port]`.
import { isIP } from 'node:net'
import { Fault } from '#core/fault.ts'

export type Endpoint = { readonly host: string; readonly port: number }

export function parseEndpoint(text: string, what: string): Endpoint {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (host === undefined || port > 65_535)
    throw new Fault('configuration-invalid', { hint: `${what} takes host:port, not "${text}".` })
  return { host, port }
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

/** `https://api.example[:port]` → name in the certificate, port, and where to dial: loopback for *.localhost (RFC 6761). */
export function parseServer(
  text: string,
  address: string | undefined,
): { readonly serverName: string; readonly host: string; readonly port: number } {
  let url: URL
  try {
    url = new URL(text.includes('://') ? text : `https://${text}`)
  } catch (cause) {
    throw new Fault('configuration-invalid', {
      hint: `"${text}" is not an address such as https://api.example:8443.`,
      cause,
    })
  }
  if (url.protocol !== 'https:' || url.pathname !== '/' || url.search !== '')
    throw new Fault('configuration-invalid', { hint: `"${text}" must be https:// and a host.` })
  const serverName = url.hostname
  const port = url.port === '' ? 443 : Number(url.port)
  if (address !== undefined) return { serverName, ...parseEndpoint(address, '--address') }
  return { serverName, host: serverName.endsWith('.localhost') ? '127.0.0.1' : serverName, port }
}
