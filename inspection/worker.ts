// A thread that takes bodies apart. Everything that parses hostile bytes runs here, with a memory cap: when it dies or hangs,
// the body it worked on gets a verdict and the next one a new thread.
import { parentPort, workerData } from 'node:worker_threads'
import type { Verdict } from '#core/inspection/verdict.ts'
import { loadOthers, type OthersConfig } from './others.ts'
import { inspectBody, verdictOf } from './file/inspect-body.ts'
import { TextWindows } from './text/windows.ts'
import type { PartInspector } from './file/walk.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

const config = workerData as OthersConfig
let others: readonly PartInspector[] = []
const streams = new Map<number, TextWindows>()

function answer(message: FromWorker): void {
  const memory = message.kind === 'verdict' ? message.memory : undefined
  parentPort?.postMessage(message, memory === undefined ? [] : [memory])
}

/** The bytes where they are. */
function bufferOn({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, length)
}

function endStream(id: number, windows: TextWindows): Verdict {
  streams.delete(id)
  windows.end()
  const measured = {
    fileType: 'text',
    findings: windows.findings,
    unique: windows.unique.counts(),
    bytesSeen: windows.bytesSeen,
  }
  return verdictOf(measured, windows.isFull ? [{ kind: 'partial', reason: 'findings' }] : [])
}

async function take(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'body': {
      const { id, bytes, meta, limits } = message
      const verdict = await inspectBody({ bytes: bufferOn(bytes), meta, others, ...(limits && { limits }) })
      // A parser may have sent it on to a thread of its own.
      answer({ kind: 'verdict', id, verdict, ...(!bytes.buffer.detached && { memory: bytes.buffer }) })
      return
    }
    case 'open':
      streams.set(message.id, new TextWindows())
      return
    case 'chunk':
      streams.get(message.id)?.push(bufferOn(message.bytes))
      answer({ kind: 'taken', id: message.id })
      return
    case 'end': {
      const windows = streams.get(message.id)
      if (windows !== undefined) answer({ kind: 'verdict', id: message.id, verdict: endStream(message.id, windows) })
      return
    }
    case 'drop':
      streams.delete(message.id)
  }
}

others = await loadOthers(config)
let last = Promise.resolve()
parentPort?.on('message', (message: ToWorker) => {
  last = last.then(() => take(message))
})
answer({ kind: 'ready' })
