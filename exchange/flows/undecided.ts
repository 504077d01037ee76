// Sockets that have not shown yet what they want. Past a cap the one that has waited longest goes: honest clients speak
// at once, so that whoever holds sockets open in silence pushes out its own. Must never refuse the newest instead.
import type { Socket } from 'node:net'
import { caps } from '#exchange/caps.ts'
import { sourceOf } from './source-limits.ts'

export type Undecided = {
  /** Counts a socket; it may be of a balancer, so that nobody knows its source yet. */
  readonly add: (socket: Socket) => void
  /** Its source is known now. */
  readonly from: (socket: Socket, address: string) => void
  readonly remove: (socket: Socket) => void
  readonly count: number
}

export type UndecidedCaps = { readonly perSource: number; readonly total: number }

export function createUndecided(
  limits: UndecidedCaps = {
    perSource: caps.undecidedPerSource.default,
    total: caps.undecidedConnections.default,
  },
): Undecided {
  // Both in the order of arrival.
  const sourceBySocket = new Map<Socket, string | undefined>()
  const socketsBySource = new Map<string, Set<Socket>>()

  const remove = (socket: Socket) => {
    const source = sourceBySocket.get(socket)
    sourceBySocket.delete(socket)
    if (source === undefined) return
    const sockets = socketsBySource.get(source)
    sockets?.delete(socket)
    if (sockets?.size === 0) socketsBySource.delete(source)
  }
  const evictOldest = (sockets: Iterable<Socket>) => {
    for (const oldest of sockets) {
      remove(oldest)
      return void oldest.destroy()
    }
  }

  return {
    get count() {
      return sourceBySocket.size
    },
    add(socket) {
      if (sourceBySocket.size >= limits.total) evictOldest(sourceBySocket.keys())
      sourceBySocket.set(socket, undefined)
    },
    from(socket, address) {
      // Programs on this machine are no strangers, and tests and tools come in bursts.
      if (!sourceBySocket.has(socket) || isLoopback(address)) return
      const source = sourceOf(address)
      const sockets = socketsBySource.get(source) ?? new Set<Socket>()
      if (sockets.size >= limits.perSource) evictOldest(sockets)
      // Evicting the only one has taken the set out.
      socketsBySource.set(source, sockets.add(socket))
      sourceBySocket.set(socket, source)
    },
    remove,
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
