// Reads the first bytes of a connection until a parser has enough: hellos, prefaces, PROXY headers. Must never wait
// without a deadline, lose a byte, or leave a refused socket open.
import type { Duplex } from 'node:stream'
import { Fault } from '#core/fault.ts'

export type PrefixOptions = {
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  /** Who was to speak. A client that ends early asked badly; of a server nobody asked anything wrong. Default client. */
  readonly from?: 'client' | 'server'
}

/**
 * Feeds what arrives to `push` until it returns something else than `undefined`. `push` bounds its own memory and
 * throws a Fault for bad input. On any failure the socket is destroyed and the promise rejects with the Fault:
 * `request-timeout`, `closing` (aborted) or `request-malformed` (ended early); from a server `upstream-timeout` or
 * `upstream-unreachable`.
 */
export function readPrefix<T>(
  socket: Duplex,
  push: (chunk: Buffer) => T | undefined,
  options: PrefixOptions,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const { signal } = options
  const [ended, late] =
    options.from === 'server'
      ? (['upstream-unreachable', 'upstream-timeout'] as const)
      : (['request-malformed', 'request-timeout'] as const)
  const settle = () => {
    clearTimeout(timer)
    socket.off('readable', onReadable)
    socket.off('end', onEnd)
    socket.off('close', onEnd)
    signal?.removeEventListener('abort', onAbort)
  }
  const fail = (fault: Fault) => {
    settle()
    // The error listener stays: a reset that arrives after the refusal must not end the process.
    socket.destroy()
    reject(fault)
  }
  const onReadable = () => {
    try {
      for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read()) {
        const result = push(chunk as Buffer)
        if (result === undefined) continue
        settle()
        socket.off('error', onError)
        resolve(result)
        return
      }
    } catch (error) {
      fail(error instanceof Fault ? error : new Fault('internal', { cause: error }))
    }
  }
  const onEnd = () => fail(new Fault(ended, { detail: { why: 'ended early' } }))
  const onError = (error: Error) => fail(new Fault(ended, { cause: error }))
  const onAbort = () => fail(new Fault('closing'))
  const timer = setTimeout(() => fail(new Fault(late)), options.deadlineMs)
  socket.on('error', onError)
  if (signal?.aborted === true) onAbort()
  else if (socket.destroyed || socket.readableEnded) onEnd()
  else {
    signal?.addEventListener('abort', onAbort)
    socket.on('readable', onReadable)
    socket.on('end', onEnd)
    socket.on('close', onEnd)
  }
  return promise
}
