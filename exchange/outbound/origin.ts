// Connections to sites of the internet: an address that was checked, and TLS no weaker than the person's own. Must never
// send a byte to a site whose certificate the tenant does not accept.
import { X509Certificate } from 'node:crypto'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import {
  connect as connectTls,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import { Fault } from '#core/fault.ts'
import { plainAddress } from '#transport/address-list.ts'
import { dial } from '#transport/dial.ts'
import { browserDoorTls } from '#transport/tls-defaults.ts'
import type { AddressSafety } from './address-safety.ts'
import { caps } from './caps.ts'
import type { Lookup } from './lookup.ts'
import type { RevocationLists } from './revocation/revocation-lists.ts'
import { problemsOf, type OriginProblems } from './origin-certificate.ts'

export type Site = { readonly host: string; readonly port: number }

export type SecuredOrigin = { readonly socket: TLSSocket; readonly problems: OriginProblems | undefined }

export type Origins = {
  readonly connect: (site: Site, signal?: AbortSignal) => Promise<Socket>
  /** The handshake is done, nothing is sent; the caller decides on the problems. */
  readonly secure: (site: Site, options: SecureOptions) => Promise<SecuredOrigin>
}

export type SecureOptions = {
  /** Lowest version that the person's own program would have taken. */
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  readonly alpn: readonly string[]
  readonly signal?: AbortSignal | undefined
}

export type OriginsDeps = {
  readonly lookup: Lookup
  readonly safety: AddressSafety
  /** PEM of authorities to trust besides the public ones. */
  readonly extraCa: readonly string[]
  readonly revoked: Pick<RevocationLists, 'isRevoked'>
  readonly now: () => number
}

/** What is dialled is in `lookup`; the name only has to be no address and no localhost. */
const PLACEHOLDER = 'checked.invalid'

export function createOrigins({ lookup, safety, extraCa, revoked, now }: OriginsDeps): Origins {
  const ca = [...getCACertificates('default'), ...extraCa]
  const roots = new Map<string, X509Certificate[]>()
  for (const pem of ca) {
    const root = new X509Certificate(pem)
    roots.getOrInsertComputed(root.subject, () => []).push(root)
  }
  const contexts = new Map<SecureOptions['minVersion'], SecureContext>()
  const perHost = new Map<string, number>()

  return {
    connect,
    async secure(site, { minVersion, alpn, signal }) {
      const startMs = performance.now()
      const tcp = await connect(site, signal)
      const leftMs = Math.max(1, caps.originDialMs.default - (performance.now() - startMs))
      const { socket, staple } = await handshake(tcp, site.host, contextOf(minVersion), alpn, leftMs, signal)
      return { socket, problems: problemsOf(socket, site.host, roots, { staple, lists: revoked }, now()) }
    },
  }

  function contextOf(minVersion: SecureOptions['minVersion']): SecureContext {
    return contexts.getOrInsertComputed(minVersion, () => createSecureContext({ ...browserDoorTls, minVersion, ca }))
  }

  async function connect({ host, port }: Site, signal?: AbortSignal): Promise<Socket> {
    const addresses = await lookup.addressesOf(host)
    const open = perHost.get(host) ?? 0
    if (open >= caps.connectionsPerHost.default)
      throw new Fault('at-capacity', { detail: { why: 'connections', host } })
    perHost.set(host, open + 1)
    const release = () => {
      const left = (perHost.get(host) ?? 1) - 1
      if (left > 0) perHost.set(host, left)
      else perHost.delete(host)
    }
    try {
      const socket = await dial(
        { host: PLACEHOLDER, port },
        { deadlineMs: caps.originDialMs.default, signal, lookup: only(addresses) },
      )
      socket.once('close', release)
      // Looked at once more where it counts: at what this connection really is to.
      const reached = plainAddress(socket.remoteAddress ?? '')
      if (!addresses.some((address) => plainAddress(address) === reached) || safety.refusal(reached) !== undefined) {
        socket.destroy()
        throw new Fault('destination-refused', { detail: { host, why: 'another address was reached' } })
      }
      return socket
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'destination-refused') release()
      throw error
    }
  }
}

function only(addresses: readonly string[]): LookupFunction {
  const list = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_host, options, callback) => {
    if (options.all === true) callback(null, list)
    else callback(null, list[0]?.address ?? '', list[0]?.family ?? 4)
  }
}

type Handshaken = { readonly socket: TLSSocket; readonly staple: Buffer | undefined }

function handshake(
  tcp: Socket,
  host: string,
  secureContext: SecureContext,
  alpn: readonly string[],
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<Handshaken> {
  const { promise, resolve, reject } = Promise.withResolvers<Handshaken>()
  let staple: Buffer | undefined
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  const socket = connectTls({
    socket: tcp,
    secureContext,
    servername: isIP(bare) === 0 ? host : '',
    ALPNProtocols: [...alpn],
    // Looked at by `problemsOf`, in full: here the first problem would end it.
    rejectUnauthorized: false,
    requestOCSP: true,
    checkServerIdentity: () => undefined,
  })
  const fail = (fault: Fault) => {
    settle()
    socket.destroy()
    tcp.destroy()
    reject(fault)
  }
  const onAbort = () => fail(new Fault('closing'))
  const onError = (cause: Error) => fail(new Fault('upstream-unreachable', { detail: { why: codeOf(cause) }, cause }))
  const onClose = () => fail(new Fault('upstream-unreachable', { detail: { why: 'closed in the handshake' } }))
  const timer = setTimeout(() => fail(new Fault('upstream-timeout', { detail: { why: 'handshake' } })), deadlineMs)
  const settle = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    socket.off('close', onClose)
  }
  socket.once('OCSPResponse', (said: Buffer | null) => (staple = said ?? undefined))
  // This listener stays: a late reset must not end the process.
  socket.on('error', onError)
  socket.once('close', onClose)
  socket.once('secureConnect', () => {
    settle()
    resolve({ socket, staple })
  })
  if (signal?.aborted === true) onAbort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  return promise
}

function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : 'handshake'
}
