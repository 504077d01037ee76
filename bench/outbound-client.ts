// The client that all proxies of the bench get: CONNECT, TLS inside, HTTP/1.1 requests one after the other. Counts only.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'

export type Proxy = {
  readonly port: number
  /** TLS to the proxy itself; absent: plain, as Squid and mitmproxy take it. */
  readonly door?: ConnectionOptions
  /** Authority of the certificates that it shows. */
  readonly ca: string
  /** How it knows the origin. */
  readonly host: string
}

export async function openTunnel(proxy: Proxy, originPort: number): Promise<TLSSocket> {
  const target = { host: '127.0.0.1', port: proxy.port }
  const socket: Socket = proxy.door === undefined ? connect(target) : connectTls({ ...target, ...proxy.door })
  socket.on('error', () => {})
  await once(socket, proxy.door === undefined ? 'connect' : 'secureConnect')
  const authority = `${proxy.host}:${originPort}`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  const [head] = (await once(socket, 'data')) as [Buffer]
  if (!/^HTTP\/1\.[01] 200/.test(head.toString('latin1')))
    throw new Error(`CONNECT: ${head.toString('latin1', 0, 100)}`)
  const secured = connectTls({ socket, servername: proxy.host, ca: proxy.ca })
  secured.on('error', () => {})
  await once(secured, 'secureConnect')
  return secured
}

/** Straight to the origin, for the latency that a proxy adds to. */
export async function openDirect(originPort: number, ca: string): Promise<TLSSocket> {
  const secured = connectTls({ host: '127.0.0.1', port: originPort, servername: 'origin.test', ca })
  await once(secured, 'secureConnect')
  return secured
}

/** One request; resolves when its whole answer is there. */
export function get(socket: TLSSocket, authority: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let wanted = -1
  let got = 0
  const settle = (error?: Error) => {
    socket.off('data', onData).off('close', onClose)
    if (error === undefined) resolve()
    else reject(error)
  }
  const onClose = () => settle(new Error('closed'))
  const onData = (chunk: Buffer) => {
    got += chunk.length
    if (wanted < 0) {
      const end = chunk.indexOf('\r\n\r\n')
      const head = chunk.toString('latin1', 0, Math.max(0, end))
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN)
      if (end < 0 || !head.startsWith('HTTP/1.1 200') || Number.isNaN(length))
        return settle(new Error(head.slice(0, 200)))
      wanted = end + 4 + length
    }
    if (got >= wanted) settle()
  }
  socket.on('data', onData).on('close', onClose)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)
  return promise
}
