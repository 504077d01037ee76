// An echo service over TCP, one of the demo tenant's private apps: greets, then sends every byte back.
import { createServer, type Socket } from 'node:net'
import { type DemoApp, listenOnLoopback } from './loopback.ts'

export async function startEcho(preferredPort = 0): Promise<DemoApp> {
  const live = new Set<Socket>()
  const server = createServer((socket) => {
    live.add(socket)
    socket.on('close', () => live.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.write('echo: type something\n')
    socket.pipe(socket)
  })
  const port = await listenOnLoopback(server, preferredPort)
  return {
    port,
    async close() {
      for (const socket of live) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
