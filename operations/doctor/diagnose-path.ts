// The way from this machine to a door, hop by hop: name, route, TCP, TLS, certificates, clock, large packets. Stops at the
// first that fails. Must never send anything but a question for its own status, nor believe an answer of a door whose
// certificate did not verify.
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { request, type IncomingMessage } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { asFault } from '#core/fault.ts'
import { dial, isLocalhost, type DialTarget } from '#transport/dial.ts'
import { caps } from '#operations/caps.ts'
import { look, skipped, type DoctorHop, type Finding, type HopResult } from './hop.ts'

export type PathConfig = {
  readonly target: DialTarget
  /** Name of the door, for TLS. */
  readonly serverName: string
  /** Authorities of the door; absent: the public ones. */
  readonly caPem?: readonly string[] | undefined
  readonly credentials?: { readonly key: string; readonly cert: string } | undefined
  /** Asked of an HTTP door; absent: the door speaks something else. */
  readonly path?: string
  readonly deadlineMs?: number
}

export type PathDeps = { readonly nowMs: () => number; readonly signal?: AbortSignal | undefined }

type Found = { address: string; tcp?: Socket; tls?: TLSSocket; answer?: Answer }

const hops: readonly DoctorHop[] = ['name', 'route', 'tcp', 'tls', 'certificate', 'clock', 'mtu']
/** More than a packet holds, less than any door takes for a header. */
const PADDING_BYTES = 6_000

export async function diagnosePath(config: PathConfig, deps: PathDeps): Promise<readonly HopResult[]> {
  const { target, deadlineMs = caps.doctorMs.default } = config
  const host = target.host.replace(/^\[(.*)\]$/, '$1')
  const results: HopResult[] = []
  const found: Found = { address: host }
  const steps: Readonly<Partial<Record<DoctorHop, () => Promise<Finding>>>> = {
    name: () => nameHop(host, found, deadlineMs),
    route: () => routeHop(found.address, target.port),
    tcp: () => tcpHop(target, found, deadlineMs, deps.signal),
    tls: () => tlsHop(config, found, deadlineMs),
    certificate: () => certificateHop(config, found, deadlineMs, deps.nowMs()),
    clock: async () => clockHop(found.answer, deps.nowMs()),
    mtu: () => mtuHop(config, found, deadlineMs),
  }
  try {
    for (const hop of hops) {
      const step = steps[hop]
      const isReached = results.every(({ status }) => status !== 'failed')
      const hasHttp = config.path !== undefined || (hop !== 'clock' && hop !== 'mtu')
      if (!isReached || !hasHttp || step === undefined)
        results.push(skipped(hop, isReached ? 'this door does not speak HTTP' : undefined))
      else results.push(await look(hop, step))
    }
  } finally {
    found.tls?.destroy()
    found.tcp?.destroy()
  }
  return results
}

async function nameHop(host: string, found: { address: string }, deadlineMs: number): Promise<Finding> {
  if (isIP(host) !== 0) return { said: `${host} is an address` }
  if (isLocalhost(host)) {
    found.address = '127.0.0.1'
    return { said: `${host} is this machine (RFC 6761)` }
  }
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('no answer in time')), deadlineMs)
  try {
    const addresses = await Promise.race([lookup(host, { all: true }), late.promise])
    found.address = addresses[0]?.address ?? host
    return { said: `${host} is ${addresses.map(({ address }) => address).join(', ')}` }
  } catch (error) {
    const code = codeOf(error)
    const advice =
      code === 'ENOTFOUND'
        ? 'The name does not exist for the resolver of this machine: check its spelling and the DNS record.'
        : 'The resolver of this machine does not answer: check /etc/resolv.conf and the network.'
    return { said: `${host} could not be resolved (${code})`, advice }
  } finally {
    clearTimeout(timer)
  }
}

/** Asks the kernel which way it would go; no packet is sent. */
async function routeHop(address: string, port: number): Promise<Finding> {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
  const { promise, resolve } = Promise.withResolvers<Finding>()
  const none = (why: string) => {
    const advice = 'This machine has no route there: check its addresses, its default route and the VPN.'
    resolve({ said: `no route to ${address} (${why})`, advice })
  }
  socket.once('error', (error) => none(codeOf(error)))
  socket.connect(port, address, () => {
    const from = socket.address().address
    if (from === '0.0.0.0' || from === '::') none('no address to leave from')
    else resolve({ said: `leaves from ${from}` })
  })
  const finding = await promise
  socket.close()
  return finding
}

async function tcpHop(
  target: DialTarget,
  found: { tcp?: Socket },
  deadlineMs: number,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  try {
    const socket = await dial(target, { deadlineMs, signal })
    socket.on('error', () => {})
    found.tcp = socket
    return { said: `connected to ${socket.remoteAddress}:${socket.remotePort}` }
  } catch (error) {
    const { code, detail } = asFault(error)
    const isRefused = detail['code'] === 'ECONNREFUSED'
    return {
      said: `no connection to ${target.host}:${target.port} (${String(detail['code'] ?? code)})`,
      advice: isRefused
        ? 'The machine answers and nothing listens there: is the exchange (or control) running, is the port right?'
        : 'Packets are lost on the way: a firewall or security group drops this port, or the machine is down.',
    }
  }
}

async function tlsHop(config: PathConfig, found: { tcp?: Socket; tls?: TLSSocket }, deadlineMs: number) {
  const { serverName, caPem, credentials } = config
  const { promise, resolve } = Promise.withResolvers<Finding>()
  const socket = connectTls({
    ...(found.tcp && { socket: found.tcp }),
    ...(isIP(serverName) === 0 && { servername: serverName }),
    ...(caPem !== undefined && { ca: [...caPem] }),
    ...credentials,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // Looked at by the next hop, which can say what is wrong with it.
    rejectUnauthorized: false,
  })
  found.tls = socket
  socket.on('error', (error) => {
    const isName = /unrecognized.name/i.test(error.message)
    const isPlain = /wrong version number|packet length too long|record layer/i.test(error.message)
    resolve({
      said: `TLS with ${serverName} failed (${codeOf(error)})`,
      advice: isName
        ? `The server knows no "${serverName}": is the tenant's name right, and does this exchange serve it?`
        : isPlain
          ? 'What answers speaks no TLS: another program, or a proxy in between.'
          : 'The connection is cut in the handshake: a device in between that inspects or blocks TLS?',
    })
  })
  socket.once('close', () => resolve({ said: 'closed in the handshake', advice: 'A device in between blocks TLS?' }))
  const timer = setTimeout(
    () => resolve({ said: 'no answer to the handshake', advice: 'Large packets may be lost: try a smaller MTU.' }),
    deadlineMs,
  )
  socket.once('secureConnect', () => resolve({ said: `${socket.getProtocol()} with ${serverName}` }))
  const finding = await promise
  clearTimeout(timer)
  return finding
}

async function certificateHop(config: PathConfig, found: Found, deadlineMs: number, nowMs: number): Promise<Finding> {
  const peer = found.tls?.getPeerX509Certificate()
  if (peer === undefined) return { said: 'none shown', advice: 'The server shows no certificate.' }
  const until = peer.validToDate
  if (until.getTime() < nowMs || peer.validFromDate.getTime() > nowMs + caps.clockSkewMs.default) {
    const advice = 'It is renewed by itself: look at the log of control and at the clock of this machine.'
    return { said: `valid from ${peer.validFromDate.toISOString()} to ${until.toISOString()}, not now`, advice }
  }
  if (found.tls?.authorized !== true) {
    return {
      said: `not trusted (${String(found.tls?.authorizationError)})`,
      advice: 'A device in between shows its own certificate, or this machine enrolled with another installation.',
    }
  }
  if (config.credentials !== undefined) {
    const own = new X509Certificate(config.credentials.cert)
    if (own.validToDate.getTime() < nowMs) {
      const advice = 'It was not renewed in time: sign in again (agent), or enrol this part again.'
      return { said: `our own certificate ended at ${own.validToDate.toISOString()}`, advice }
    }
  }
  if (config.path !== undefined) {
    // TLS 1.3 tells a client that its certificate is refused only with the first answer.
    found.answer = await ask(config, found.tls, deadlineMs, 'keep-alive')
    if (found.answer.kind === 'failed' && /alert|certificate|ECONNRESET|hang up/i.test(found.answer.said)) {
      const advice = 'The door does not accept this device or part: was it revoked? Sign in or enrol again.'
      return { said: `our certificate was refused (${found.answer.said})`, advice }
    }
  }
  return { said: `${config.serverName} proven, until ${until.toISOString()}` }
}

function clockHop(answer: Answer | undefined, nowMs: number): Finding {
  if (answer?.kind !== 'answered') {
    const advice = 'The door was open and did not answer: look at the log of the exchange.'
    return { said: `no answer (${answer?.said ?? 'none'})`, advice }
  }
  const theirs = Date.parse(answer.date ?? '')
  if (Number.isNaN(theirs))
    return { said: 'the answer carries no date', advice: 'Compare clocks by hand.', isWarning: true }
  const skewMs = nowMs - theirs
  const skew = `${Math.abs(Math.round(skewMs / 1000))} s ${skewMs > 0 ? 'ahead' : 'behind'}`
  // The header has whole seconds.
  if (Math.abs(skewMs) <= caps.clockSkewMs.default + 1000) return { said: 'agrees within seconds' }
  return { said: `this machine is ${skew}`, advice: 'Set the clock (NTP): certificates and statements live by it.' }
}

async function mtuHop(config: PathConfig, found: { tls?: TLSSocket }, deadlineMs: number): Promise<Finding> {
  const answer = await ask(config, found.tls, deadlineMs, 'close', PADDING_BYTES)
  if (answer.kind === 'answered') return { said: `${PADDING_BYTES} bytes in one go were answered` }
  return {
    said: `small packets pass, ${PADDING_BYTES} bytes do not (${answer.said})`,
    advice:
      'Packets of full size are lost: lower the MTU of the interface (1400, then 1280) or let ICMP "too big" through.',
  }
}

type Answer =
  | { readonly kind: 'answered'; readonly date: string | undefined }
  | { readonly kind: 'failed'; readonly said: string }

function ask(
  { serverName, path = '/' }: PathConfig,
  socket: TLSSocket | undefined,
  deadlineMs: number,
  connection: 'keep-alive' | 'close',
  paddingBytes = 0,
): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>()
  if (socket === undefined || socket.destroyed)
    return Promise.resolve({ kind: 'failed', said: 'the connection is gone' })
  const asking = request({
    createConnection: () => socket,
    path,
    headers: {
      host: serverName,
      accept: 'application/json',
      connection,
      ...(paddingBytes > 0 && { 'x-doctor-padding': 'x'.repeat(paddingBytes) }),
    },
  })
  const timer = setTimeout(() => resolve({ kind: 'failed', said: 'no answer in time' }), deadlineMs)
  asking.on('error', (error) => resolve({ kind: 'failed', said: codeOf(error) }))
  asking.once('response', (response: IncomingMessage) => {
    response.resume()
    response.once('end', () => resolve({ kind: 'answered', date: response.headers.date }))
  })
  asking.end()
  return promise.finally(() => clearTimeout(timer))
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message.slice(0, 120)
}
