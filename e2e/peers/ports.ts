// A loopback port that is free now. Used only where a program cannot be told to choose one itself.
import { createServer, type AddressInfo } from 'node:net'

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

/** Resolves when something accepts on the port; throws after the deadline. */
export async function untilListening(port: number, deadlineMs = 15_000): Promise<void> {
  const { connect } = await import('node:net')
  const end = Date.now() + deadlineMs
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isOpen) return
    if (Date.now() > end) throw new Error(`nothing listens on port ${port} after ${deadlineMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
