// For tests and measurements: the control plane's own console and API behind one origin, with the proof of one
// administrator, so that no sign-in is needed. Must never be part of the product.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { domain, type TestControl } from '#control/testing.ts'

type Intercept = (request: IncomingMessage, response: ServerResponse) => boolean

/** `intercept` may answer a request itself, and then says so. */
export async function serveConsole(control: TestControl, token: string, intercept: Intercept = () => false) {
  const server = createServer((request, response) => {
    if (intercept(request, response)) return
    const isApi = (request.url ?? '/').startsWith('/api/')
    const host = `${isApi ? 'api' : 'console'}.${domain}`
    const onward = httpsRequest(
      {
        host: '127.0.0.1',
        port: control.control.port,
        servername: host,
        ca: [...control.control.webCaPem],
        path: isApi ? (request.url ?? '').slice('/api'.length) : request.url,
        method: request.method,
        headers: {
          host: `${host}:8443`,
          ...(isApi && { authorization: `Bearer ${token}` }),
          ...(request.headers['content-type'] && { 'content-type': request.headers['content-type'] }),
        },
      },
      (answer) => {
        const { 'content-type': type = 'text/plain', 'content-security-policy': policy } = answer.headers
        response.writeHead(answer.statusCode ?? 502, {
          'content-type': type,
          ...(typeof policy === 'string' && { 'content-security-policy': policy }),
        })
        answer.pipe(response)
      },
    )
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    request.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
