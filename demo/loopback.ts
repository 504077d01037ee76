// Where sample apps listen: on loopback only, on the port of last time when it is still free.
import type { AddressInfo, Server } from 'node:net'

export type DemoApp = { readonly port: number; close(): Promise<void> }

export async function listenOnLoopback(server: Server, preferredPort: number): Promise<number> {
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject)
        resolve()
      })
    })
  await listen(preferredPort).catch((error: unknown) => {
    if (preferredPort === 0) throw error
    return listen(0)
  })
  return (server.address() as AddressInfo).port
}
