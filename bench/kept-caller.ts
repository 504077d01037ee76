// Calls the control API over one connection that stays open, as a console does. Must never hide that it waited: a call
// that finds the connection gone makes another, and the caller's clock runs on.
import { Agent, request } from 'node:https'
import { routes } from '#core/api/routes.ts'
import type { Profile } from '#cli/profile.ts'

const DEADLINE_MS = 30_000

export type KeptCaller = Disposable & {
  /** `path` as the route has it, `:tenant` not yet filled in. Throws when it is refused. */
  readonly call: (method: string, path: string) => Promise<void>
}

/** Resolves when the connection is open: one harmless question was answered over it. */
export async function keptCaller({ server, tenant, token, caPem }: Profile): Promise<KeptCaller> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, keepAliveMsecs: 10_000 })
  const caller: KeptCaller = {
    call(method, path) {
      const { hostname, port, pathname } = new URL(path.replace(':tenant', tenant), server)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const asking = request({
        host: '127.0.0.1', // every part of the bench is on this machine
        servername: hostname,
        port,
        path: pathname,
        method,
        agent,
        ca: caPem,
        timeout: DEADLINE_MS,
        headers: { host: `${hostname}:${port}`, authorization: `Bearer ${token}`, accept: 'application/json' },
      })
      asking.on('error', reject)
      asking.on('timeout', () => asking.destroy(new Error('the API did not answer')))
      asking.on('response', (response) => {
        response.resume()
        response.on('error', reject)
        response.on('end', () => {
          if ((response.statusCode ?? 500) < 400) resolve()
          else reject(new Error(`the API answered ${response.statusCode}`))
        })
      })
      asking.end()
      return promise
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
  await caller.call('GET', routes.listSessions.path)
  return caller
}
