// One event stream: follows the journal from its cursor on, lap after lap, and moves the cursor when a lap is finished.
// Must never hold more than a lap in memory, nor give up: what could not be sent is tried again, later and later.
import { setTimeout as pause } from 'node:timers/promises'
import { asFault } from '#core/fault.ts'
import type { EventStreamSpec } from '#core/resources/event-stream.ts'
import { caps } from '#control/caps.ts'
import { parseCursor } from '#journal/cursor.ts'
import type { JournalPort } from '#control/context.ts'
import type { Lap, Receiver } from './lap.ts'

export type StreamState = {
  cursor: string
  sent: number
  lost: number
}

export type StreamDeps = {
  readonly follow: (after: string, signal: AbortSignal) => ReturnType<JournalPort['follow']>
  /** Kept before anything more is sent. */
  readonly save: (state: StreamState, failure: string | null) => Promise<void>
  readonly receiver: Receiver
  /** ms of the first pause after a failure; it doubles up to the cap. */
  readonly retryMs?: number
}

type Followed = Awaited<
  ReturnType<AsyncIterator<{ cursor: string; writer: string; sequence: number; event: object }>['next']>
>

/** Ends when the signal aborts; never throws. */
export async function runStream(
  spec: Pick<EventStreamSpec, 'classes' | 'minSeverity'>,
  begin: StreamState,
  deps: StreamDeps,
  signal: AbortSignal,
): Promise<void> {
  const state = { ...begin }
  const first = deps.retryMs ?? 1000
  let waitMs = first
  while (!signal.aborted) {
    const attempt = new AbortController()
    const onAbort = () => attempt.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await runLaps(spec, state, deps, attempt.signal, () => {
        waitMs = first
      })
    } catch (error) {
      if (signal.aborted) return
      const failure = asFault(error)
      const why = failure.code === 'internal' ? String(failure.cause ?? 'failed') : failure.message
      await deps.save(state, why.slice(0, 300)).catch(() => {})
      await pause(waitMs, undefined, { signal }).catch(() => {})
      waitMs = Math.min(waitMs * 2, caps.streamRetryMs.default)
    } finally {
      signal.removeEventListener('abort', onAbort)
      attempt.abort()
    }
  }
}

async function runLaps(
  spec: Pick<EventStreamSpec, 'classes' | 'minSeverity'>,
  state: StreamState,
  deps: StreamDeps,
  signal: AbortSignal,
  onFinished: () => void,
): Promise<void> {
  const events = deps.follow(state.cursor, signal)[Symbol.asyncIterator]()
  try {
    await runEach(events, spec, state, deps, signal, onFinished)
  } finally {
    // Not waited for: it ends when the caller aborts. Without it, its files and its clock would stay.
    events.return?.().catch(() => {})
  }
}

async function runEach(
  events: AsyncIterator<Awaited<Followed>['value']>,
  spec: Pick<EventStreamSpec, 'classes' | 'minSeverity'>,
  state: StreamState,
  deps: StreamDeps,
  signal: AbortSignal,
  onFinished: () => void,
): Promise<void> {
  // A jump beyond a writer's next number is what the journal has let go of.
  const lastOf = new Map(parseCursor('oldest-first', state.cursor))
  let pending: Promise<Followed> = events.next()
  // Looked at below; what it throws before then is no unhandled rejection.
  pending.catch(() => {})
  for (;;) {
    let next = await pending
    if (next.done) return
    const lap = await deps.receiver.begin(signal)
    try {
      const { limits, deadline } = { limits: deps.receiver.lap, deadline: performance.now() + deps.receiver.lap.ms }
      let [count, bytes, cursor, lost] = [0, 0, state.cursor, 0]
      for (;;) {
        const { value } = next
        lost += Math.max(0, value.sequence - (lastOf.get(value.writer) ?? value.sequence - 1) - 1)
        lastOf.set(value.writer, value.sequence)
        cursor = value.cursor
        bytes += await writeIfWanted(value.event as Readonly<Record<string, unknown>>, spec, lap, () => count++)
        pending = events.next()
        pending.catch(() => {})
        if (count >= limits.events || bytes >= limits.bytes) break
        const more = await nextBefore(pending, deadline, signal)
        if (more === undefined || more.done) break
        next = more
      }
      if (count > 0) await lap.finish()
      else lap.abort()
      signal.throwIfAborted()
      state.cursor = cursor
      state.sent += count
      state.lost += lost
      await deps.save(state, null)
      onFinished()
    } catch (error) {
      lap.abort()
      throw error
    }
  }
}

async function writeIfWanted(
  event: Readonly<Record<string, unknown>>,
  { classes, minSeverity }: Pick<EventStreamSpec, 'classes' | 'minSeverity'>,
  lap: Lap,
  onWritten: () => void,
): Promise<number> {
  const { class_uid: classUid, severity_id: severity } = event
  if (classes !== undefined && !(typeof classUid === 'number' && classes.includes(classUid))) return 0
  if (minSeverity !== undefined && !(typeof severity === 'number' && severity >= minSeverity)) return 0
  const json = JSON.stringify(event)
  await lap.write(event, json)
  onWritten()
  return json.length
}

/** Undefined at the deadline. */
async function nextBefore(
  pending: Promise<Followed>,
  deadline: number,
  signal: AbortSignal,
): Promise<Followed | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const stop = () => resolve(undefined)
  const timer = setTimeout(stop, Math.max(0, deadline - performance.now()))
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([pending, promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}
