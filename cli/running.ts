// Keeps a part running until a signal, then drains it; a second signal cuts.
export type Running = { close(): Promise<void> }

/**
 * Resolves with the exit code once everything is closed, in the reverse order of the list; rejects when a part dies.
 * `told` is the program's own signal: it knows of a SIGTERM that came while the parts were still starting.
 */
export async function runUntilSignal(
  parts: readonly Running[],
  told: AbortSignal,
  died?: Promise<never>,
): Promise<number> {
  const stop = Promise.withResolvers<void>()
  if (told.aborted) stop.resolve()
  let signals = 0
  const onSignal = () => {
    signals++
    if (signals > 1) process.exit(130)
    stop.resolve()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  // Something must hold the process open: sockets that only wait for a reconnect may all be unreferenced.
  const hold = setInterval(() => {}, 2 ** 30)
  try {
    await Promise.race(died === undefined ? [stop.promise] : [stop.promise, died])
    for (const part of parts.toReversed()) await part.close()
  } finally {
    clearInterval(hold)
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return 0
}
