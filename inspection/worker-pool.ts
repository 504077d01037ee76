// The threads that inspect, one body at a time each, with a memory cap and a deadline. A thread that does not answer is ended
// and replaced; its body gets a verdict. Must never let one body's failure become another's silence.
import { Worker } from 'node:worker_threads'
import type { UnscannableReason, Verdict } from '#core/inspection/verdict.ts'
import { caps } from './caps.ts'
import type { OthersConfig } from './others.ts'
import type { BudgetLimits } from './unpack/budget.ts'
import type { FromWorker, JobMeta, ToWorker } from './worker-protocol.ts'

export type PoolConfig = {
  readonly threads: number
  readonly heapMb: number
  readonly deadlineMs: number
  readonly queue: number
  readonly others: OthersConfig
  readonly limits?: BudgetLimits
}

export const defaultPool: PoolConfig = {
  threads: caps.threads.default,
  heapMb: caps.workerHeapMb.default,
  deadlineMs: caps.workerDeadlineMs.default,
  queue: caps.queuedBodies.default,
  others: {},
}

/** A text that is scanned as it comes. */
export type TextStream = {
  /** The bytes are gone afterwards. */
  push(bytes: Uint8Array<ArrayBuffer>): Promise<void>
  end(): Promise<Verdict>
  abort(): void
}

export type WorkerPool = {
  /** The bytes are gone afterwards, memory and all; `giveBack` gets the memory when the thread has done with it. */
  run(bytes: Uint8Array<ArrayBuffer>, meta: JobMeta, giveBack?: (memory: ArrayBuffer) => void): Promise<Verdict>
  openText(): TextStream
  close(): Promise<void>
}

type Seat = { worker: Worker; readonly waiting: Map<number, Waiting>; isDead: boolean }
type Waiting = {
  readonly resolve: (answer: FromWorker | null) => void
  readonly timer: NodeJS.Timeout
  bytesSeen: number
}
type Queued = { readonly go: (seat: Seat) => void; readonly refuse: () => void }

export function failedVerdict(reason: UnscannableReason, bytesSeen: number): Verdict {
  return {
    kind: 'unscannable',
    reason,
    gaps: [{ kind: 'unscannable', reason }],
    fileType: 'unknown',
    findings: [],
    unique: {},
    bytesSeen,
  }
}

export function startWorkerPool(config: PoolConfig = defaultPool): WorkerPool {
  const free: Seat[] = []
  const seats = new Set<Seat>()
  const queue: Queued[] = []
  /** One more thread for texts that are scanned as they come: a slow sender must not keep a seat from others. */
  let shared: Seat | null = null
  let count = 0
  let isClosed = false

  function seatUp(): Seat {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: config.others,
      resourceLimits: { maxOldGenerationSizeMb: config.heapMb, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 },
    })
    worker.unref()
    const seat: Seat = { worker, waiting: new Map(), isDead: false }
    seats.add(seat)
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'ready') return
      const waiting = seat.waiting.get(message.id)
      seat.waiting.delete(message.id)
      if (waiting) clearTimeout(waiting.timer)
      waiting?.resolve(message)
    })
    const end = () => retire(seat)
    worker.once('error', end)
    worker.once('exit', end)
    return seat
  }

  function retire(seat: Seat): void {
    if (seat.isDead) return
    seat.isDead = true
    seats.delete(seat)
    const at = free.indexOf(seat)
    if (at >= 0) free.splice(at, 1)
    for (const waiting of seat.waiting.values()) {
      clearTimeout(waiting.timer)
      waiting.resolve(null)
    }
    seat.waiting.clear()
    void seat.worker.terminate()
    next()
  }

  function next(): void {
    while (queue.length > 0 && !isClosed) {
      const seat =
        free.pop() ?? (seats.size - (shared?.isDead === false ? 1 : 0) < config.threads ? seatUp() : undefined)
      if (seat === undefined) return
      queue.shift()?.go(seat)
    }
  }

  function release(seat: Seat): void {
    if (!seat.isDead) free.push(seat)
    next()
  }

  function ask(seat: Seat, message: ToWorker & { readonly id: number }): Promise<FromWorker | 'timeout' | null> {
    if (seat.isDead) return Promise.resolve(null)
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        seat.waiting.delete(message.id)
        resolve('timeout')
        retire(seat)
      }, config.deadlineMs)
      seat.waiting.set(message.id, { resolve, timer, bytesSeen: 0 })
      // Handed over, not copied: a copy of every body was a fifth of the time of the thread that carries traffic.
      seat.worker.postMessage(message, 'bytes' in message ? [message.bytes.buffer] : [])
    })
  }

  const seatFor = (): Promise<Seat | null> =>
    new Promise((resolve) => {
      if (isClosed || queue.length >= config.queue) return resolve(null)
      queue.push({ go: resolve, refuse: () => resolve(null) })
      next()
    })

  function toVerdict(answer: FromWorker | 'timeout' | null, bytesSeen: number): Verdict {
    if (answer === 'timeout') return failedVerdict('inspector-timeout', bytesSeen)
    return answer?.kind === 'verdict' ? answer.verdict : failedVerdict('inspector-failed', bytesSeen)
  }

  return {
    async run(bytes, meta, giveBack) {
      const seat = await seatFor()
      const { length } = bytes
      if (seat === null) return failedVerdict('inspector-unavailable', length)
      const answer = await ask(seat, {
        kind: 'body',
        id: ++count,
        bytes,
        meta,
        ...(config.limits && { limits: config.limits }),
      })
      release(seat)
      if (answer !== 'timeout' && answer?.kind === 'verdict' && answer.memory !== undefined) giveBack?.(answer.memory)
      return toVerdict(answer, length)
    },
    openText() {
      const id = ++count
      let bytesSeen = 0
      let failed: Verdict | null = isClosed ? failedVerdict('inspector-unavailable', 0) : null
      if (shared === null || shared.isDead) shared = seatUp()
      const seat = shared
      seat.worker.postMessage({ kind: 'open', id } satisfies ToWorker)
      return {
        async push(bytes) {
          bytesSeen += bytes.length
          if (failed !== null) return
          const answer = await ask(seat, { kind: 'chunk', id, bytes })
          if (answer === null || answer === 'timeout') failed = toVerdict(answer, bytesSeen)
        },
        async end() {
          return failed ?? toVerdict(await ask(seat, { kind: 'end', id }), bytesSeen)
        },
        abort() {
          if (!seat.isDead) seat.worker.postMessage({ kind: 'drop', id } satisfies ToWorker)
        },
      }
    },
    async close() {
      isClosed = true
      for (const queued of queue.splice(0)) queued.refuse()
      await Promise.all(
        Array.from(seats, (seat) => {
          retire(seat)
          return seat.worker.terminate()
        }),
      )
    },
  }
}
