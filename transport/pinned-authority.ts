// Finds the authority whose key an enrolment token pins, in the chain that a server shows. Must never send anything to
// that server: what is found is only the root for the verified connection that follows.
import { X509Certificate } from 'node:crypto'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { keyThumbprint, secretEquals } from './secret.ts'

const MAX_CHAIN = 8

export type ServerAddress = { readonly host: string; readonly port: number; readonly serverName: string }

/** The pin of a token `sp_enr_<random>~<pin>`; `undefined`: the public roots decide. */
export function pinOf(token: string): string | undefined {
  const at = token.indexOf('~')
  if (at < 0) return undefined
  const pin = token.slice(at + 1)
  if (!/^[A-Za-z0-9_-]{43}$/.test(pin)) throw new Fault('enrolment-refused', { hint: 'The token is damaged.' })
  return pin
}

/** PEM of the pinned authority; Fault `certificate-refused` when the server's chain does not contain it. */
export function pinnedAuthority(server: ServerAddress, pin: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect({
    host: server.host,
    port: server.port,
    servername: server.serverName,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  })
  const timer = setTimeout(() => socket.destroy(new Fault('control-unreachable')), caps.dialMs.default)
  socket.on('error', (cause) => reject(cause instanceof Fault ? cause : new Fault('control-unreachable', { cause })))
  socket.on('close', () => {
    clearTimeout(timer)
    reject(new Fault('control-unreachable'))
  })
  socket.once('secureConnect', () => {
    const found = findPinned(socket.getPeerCertificate(true), pin)
    if (found === undefined) {
      reject(new Fault('certificate-refused', { hint: 'This server is not the one that issued the token.' }))
    } else resolve(found)
    socket.destroy()
  })
  return promise
}

function findPinned(leaf: DetailedPeerCertificate, pin: string): string | undefined {
  let at: DetailedPeerCertificate | undefined = leaf
  for (let depth = 0; depth < MAX_CHAIN && at?.raw !== undefined; depth++) {
    const certificate = new X509Certificate(at.raw)
    if (certificate.ca && secretEquals(keyThumbprint(certificate), pin)) return certificate.toString()
    const issuer: DetailedPeerCertificate | undefined = at.issuerCertificate
    at = issuer === at ? undefined : issuer
  }
  return undefined
}
