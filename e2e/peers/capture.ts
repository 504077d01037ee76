// tcpdump on loopback for one port: every byte that came and went, as a capture file in memory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { temporaryFolder } from '#e2e/accounts.ts'

const KERNEL_BUFFER_KIBIBYTES = 64 * 1024

/** Why nothing can be captured here, or false. */
export function captureAbsent(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'capturing needs root on Linux'
  const isThere = ['/usr/bin/tcpdump', '/usr/sbin/tcpdump'].some((file) => existsSync(file))
  return isThere ? false : 'tcpdump is not installed'
}

export type Capture = AsyncDisposable & {
  /** Ends the capture; the payload of every TCP connection, by its direction, in the order of the bytes. */
  stop(): Promise<readonly Buffer[]>
}

/** `filter` is a capture filter of pcap; it must let port `endPort` of loopback through, which marks the end. */
export async function startCapture(filter: string, endPort: number): Promise<Capture> {
  const folder = temporaryFolder('sallyport-capture-', undefined)
  const file = join(folder, 'capture')
  const child = spawn(
    'tcpdump',
    ['-i', 'lo', '-n', '-U', '-s', '0', '-B', String(KERNEL_BUFFER_KIBIBYTES), '-Z', 'root', '-w', file, filter],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  let isStopped = false
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      said += `${line}\n`
      if (line.includes('listening on')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)))
  })
  return {
    async stop() {
      // The kernel hands packets over in order: once this one is in the file, all before it are.
      const mark = `end-of-capture-${process.pid}-${Date.now()}`
      const socket = connect(endPort, '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.end(mark)
      const deadline = Date.now() + 20_000
      while (!readFileSync(file).includes(mark)) {
        if (Date.now() > deadline) throw new Error('the capture does not end')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      await ended
      isStopped = true
      const dropped = Number(/(\d+) packets dropped by kernel/.exec(said)?.[1])
      if (dropped !== 0) throw new Error(`the capture is not whole: ${said}`)
      return streamsOf(readFileSync(file))
    },
    async [Symbol.asyncDispose]() {
      if (!isStopped) child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Reads a pcap file (draft-ietf-opsawg-pcap) of Ethernet frames with IPv4 and puts each TCP direction together. */
export function streamsOf(file: Buffer): readonly Buffer[] {
  if (file.readUInt32LE(0) !== 0xa1b2c3d4 || file.readUInt32LE(20) !== 1) throw new Error('not the capture expected')
  const streams = new Map<string, Map<number, Buffer>>()
  for (let at = 24; at + 16 <= file.length;) {
    const length = file.readUInt32LE(at + 8)
    const frame = file.subarray(at + 16, at + 16 + length)
    at += 16 + length
    if (frame.length < 54 || frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 6) continue
    const ip = frame.subarray(14, 14 + frame.readUInt16BE(16))
    const tcp = ip.subarray(((ip[0] ?? 0) & 15) * 4)
    const payload = tcp.subarray(((tcp[12] ?? 0) >> 4) * 4)
    if (payload.length === 0) continue
    // The sequence number makes repeated packets the same entry, and orders the others.
    const name = `${ip.subarray(12, 20).toString('hex')} ${tcp.subarray(0, 4).toString('hex')}`
    const parts = streams.get(name) ?? new Map<number, Buffer>()
    streams.set(name, parts)
    const known = parts.get(tcp.readUInt32BE(4))
    if (known === undefined || known.length < payload.length) parts.set(tcp.readUInt32BE(4), payload)
  }
  return [...streams.values()].map((parts) => {
    const [start = 0] = parts.keys()
    // Sequence numbers wrap round at 2^32.
    const ordered = [...parts].toSorted(([a], [b]) => ((a - start) | 0) - ((b - start) | 0))
    return Buffer.concat(ordered.map(([, payload]) => payload))
  })
}
