// An echo service over TCP, one of the demo tenant's private apps: greets, then sends every byte back.
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { DemoApp } from './wiki.ts'

export async function startEcho(): Promise<DemoApp> {
  const live = new Set<Socket>()
  const server = createServer((socket) => {
    live.add(socket)
    socket.on('close', () => live.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.write('echo: type something\n')
    socket.pipe(socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of live) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}
