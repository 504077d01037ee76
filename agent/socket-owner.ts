// Which account owns the other end of a local connection (Linux). Must never answer with an account when the table does
// not plainly say so: no row, an orphan or a closing socket is nobody's.
import { open } from 'node:fs/promises'
import { isIPv4, isIPv6, type Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

/** The four values by which the kernel knows the connection, from our end. */
export type LocalPair = {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
}

export type OwnerOf = (pair: LocalPair) => Promise<number | undefined>

// Established, and FIN_WAIT1/2 for a program that has said all it wanted. In TIME_WAIT the kernel prints uid 0 for
// everybody, and a socket that no program holds any more has inode 0.
const liveStates = new Set(['01', '04', '05'])

export function pairOf(socket: Socket): LocalPair | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket
  if (localAddress === undefined || localPort === undefined) return undefined
  if (remoteAddress === undefined || remotePort === undefined) return undefined
  return { localAddress, localPort, remoteAddress, remotePort }
}

/**
 * The uid of the program at the other end, or `undefined`. Race-safe because our end stays open meanwhile: the kernel
 * gives the same four values to no other connection until then.
 */
export const linuxOwnerOf: OwnerOf = async (pair) => {
  for (let attempt = 0; attempt < caps.ownerAttempts.default; attempt++) {
    for (const file of ['/proc/self/net/tcp', '/proc/self/net/tcp6']) {
      const uid = ownerIn(await readTable(file), pair)
      if (uid !== undefined) return uid
    }
  }
  return undefined
}

/** Looks for the peer's row: its local end is our remote one. */
export function ownerIn(table: string, pair: LocalPair): number | undefined {
  const peers = addressForms(pair.remoteAddress, pair.remotePort)
  const ours = addressForms(pair.localAddress, pair.localPort)
  for (const line of table.split('\n')) {
    // Cheap test first: most rows are of other connections.
    if (!peers.some((peer) => line.includes(peer))) continue
    const [, local = '', remote = '', state = '', , , , uid = '', , inode = ''] = line.trim().split(/\s+/)
    if (!peers.includes(local) || !ours.includes(remote)) continue
    if (!liveStates.has(state) || inode === '0' || !/^\d{1,10}$/.test(uid)) return undefined
    return Number(uid)
  }
  return undefined
}

/** As the kernel prints it, in the IPv4 table and in the IPv6 one. */
function addressForms(address: string, port: number): readonly string[] {
  const portText = port.toString(16).toUpperCase().padStart(4, '0')
  const plain = address.startsWith('::ffff:') && isIPv4(address.slice(7)) ? address.slice(7) : address
  if (isIPv4(plain)) {
    const word = hostOrder(Buffer.from(plain.split('.').map(Number)))
    return [`${word}:${portText}`, `0000000000000000FFFF0000${word}:${portText}`]
  }
  if (!isIPv6(plain)) return []
  const bytes = ipv6Bytes(plain)
  let words = ''
  for (let at = 0; at < 16; at += 4) words += hostOrder(bytes.subarray(at, at + 4))
  return [`${words}:${portText}`]
}

/** Four bytes of network order as the kernel's `%08X` of a word in host order. */
function hostOrder(bytes: Uint8Array): string {
  const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
  return Buffer.from(isLittleEndian ? bytes.toReversed() : bytes)
    .toString('hex')
    .toUpperCase()
}

export function ipv6Bytes(text: string): Buffer {
  const bytes = Buffer.alloc(16)
  const [address = ''] = text.split('%')
  const [head = '', tail] = address.split('::')
  const groups = (part: string) => part.split(':').filter((group) => group !== '')
  const [before, after] = [groups(head), tail === undefined ? [] : groups(tail)]
  const all = [...before, ...Array.from({ length: 8 - before.length - after.length }, () => '0'), ...after]
  all.forEach((group, at) => bytes.writeUInt16BE(Number.parseInt(group, 16) & 0xffff, at * 2))
  return bytes
}

async function readTable(path: string): Promise<string> {
  let file
  try {
    file = await open(path, 'r')
  } catch {
    return ''
  }
  try {
    const chunks: Buffer[] = []
    let bytes = 0
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(65_536), 0, 65_536)
      if (bytesRead === 0) return Buffer.concat(chunks).toString('latin1')
      bytes += bytesRead
      if (bytes > caps.ownerTableBytes.default) throw new Fault('at-capacity')
      chunks.push(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
