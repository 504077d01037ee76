// The two private apps behind the connector: a web app that remembers every request that reached it, and an echo.
// What reached an app is an effect; the journal must know the decision of each.
import { createServer } from 'node:http'
import { startEcho } from '#demo/echo.ts'
import { listenOnLoopback } from '#demo/loopback.ts'

export type Apps = AsyncDisposable & {
  readonly webPort: number
  readonly echoPort: number
  /** `METHOD /path` → how often it arrived. */
  readonly arrived: ReadonlyMap<string, number>
}

export async function startApps(): Promise<Apps> {
  const arrived = new Map<string, number>()
  const server = createServer((request, response) => {
    const what = `${request.method ?? ''} ${request.url ?? ''}`
    arrived.set(what, (arrived.get(what) ?? 0) + 1)
    request.resume()
    request.once('end', () => response.end(what))
  })
  const webPort = await listenOnLoopback(server, 0)
  const echo = await startEcho()
  return {
    webPort,
    echoPort: echo.port,
    arrived,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await Promise.all([new Promise<void>((resolve) => server.close(() => resolve())), echo.close()])
    },
  }
}
