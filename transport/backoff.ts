// Waiting times between attempts: exponential with full jitter, so that a thousand agents that lost one exchange do
// not come back in step. Must never wait past an abort.

export type Backoff = {
  /** The next waiting time in ms, between 0 and the current ceiling. */
  next(): number
  /** After an attempt that held. */
  reset(): void
}

export function startBackoff(
  config: { readonly baseMs: number; readonly maxMs: number },
  random: () => number = Math.random,
): Backoff {
  let attempts = 0
  return {
    next() {
      const ceilingMs = Math.min(config.maxMs, config.baseMs * 2 ** attempts)
      attempts = Math.min(attempts + 1, 30)
      return Math.floor(random() * ceilingMs)
    },
    reset() {
      attempts = 0
    },
  }
}

/** Resolves after `ms`; rejects with the signal's reason when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = () => {
    clearTimeout(timer)
    reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
  }
  const timer = setTimeout(() => {
    signal.removeEventListener('abort', onAbort)
    resolve()
  }, ms)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
