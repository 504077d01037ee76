// Events into a file beside control, one a line, with rotation. A lap counts once the disk has it. Must never leave the
// tenant's own folder: names are labels.
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { StreamTarget } from '#core/resources/event-stream.ts'
import { caps } from '#control/caps.ts'
import type { Receiver } from './lap.ts'

type Target = Extract<StreamTarget, { kind: 'file' }>

const MAX_BYTES = 50 * 1024 * 1024
const KEEP = 10

export function fileReceiver(target: Target, folder: string): Receiver {
  const path = join(folder, `${target.name}.ndjson`)
  return {
    lap: {
      events: caps.streamBatchEvents.default,
      bytes: caps.streamBatchBytes.default,
      ms: caps.streamBatchMs.default,
    },
    begin: async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const lines: string[] = []
      let file: FileHandle | undefined
      return {
        write: async (_event, json) => void lines.push(`${json}\n`),
        finish: async () => {
          await rotate(path, target.maxBytes ?? MAX_BYTES, target.keep ?? KEEP)
          file = await open(path, 'a', 0o600)
          try {
            await file.writeFile(lines.join(''))
            await file.sync()
          } finally {
            await file.close()
          }
        },
        abort: () => {},
      }
    },
  }
}

async function rotate(path: string, maxBytes: number, keep: number): Promise<void> {
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  )
  if (size < maxBytes) return
  await rm(`${path}.${keep}`, { force: true })
  for (let at = keep - 1; at >= 1; at--) await rename(`${path}.${at}`, `${path}.${at + 1}`).catch(ignoreMissing)
  await rename(path, `${path}.1`)
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
}
