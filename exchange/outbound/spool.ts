// Keeps an upload until its verdict: a little in memory, the rest in a file without a name. Must never hold more than its
// caps, leave a file behind, or let a byte be read before the whole was taken.
import { mkdir, open, readdir, rm, unlink, type FileHandle } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

export type Spool = {
  readonly bytes: number
  /** Resolves when the bytes are kept. Throws Fault `request-too-large`, `at-capacity`. */
  write(chunk: Uint8Array): Promise<void>
  /** Everything that was written, once; closes the spool when it ends, however it ends. */
  read(): Readable
  close(): void
}

export type Spools = { readonly open: () => Spool; readonly bytes: number }

/** `folder` belongs to us: whatever an earlier run left there is removed. */
export async function openSpools(folder: string): Promise<Spools> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) await rm(join(folder, name), { force: true })
  let total = 0

  return {
    get bytes() {
      return total
    },
    open: () =>
      new FileSpool(folder, {
        take(bytes) {
          if (total + bytes > caps.uploadTotalBytes.default)
            throw new Fault('at-capacity', { detail: { why: 'spool' } })
          total += bytes
        },
        give: (bytes) => void (total -= bytes),
      }),
  }
}

type Budget = { readonly take: (bytes: number) => void; readonly give: (bytes: number) => void }

class FileSpool implements Spool {
  readonly #folder: string
  readonly #budget: Budget
  #memory: Uint8Array[] = []
  #file: FileHandle | undefined
  #bytes = 0
  #isClosed = false

  constructor(folder: string, budget: Budget) {
    this.#folder = folder
    this.#budget = budget
  }

  get bytes(): number {
    return this.#bytes
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#isClosed) throw new Fault('closing')
    if (this.#bytes + chunk.length > caps.uploadBytes.default) throw new Fault('request-too-large')
    this.#budget.take(chunk.length)
    this.#bytes += chunk.length
    if (this.#file === undefined && this.#bytes <= caps.uploadMemoryBytes.default) return void this.#memory.push(chunk)
    const file = (this.#file ??= await this.#openFile())
    const pending = [...this.#memory, chunk]
    this.#memory = []
    for (const each of pending) await file.appendFile(each)
  }

  read(): Readable {
    const body =
      this.#file === undefined ? Readable.from(this.#memory, { objectMode: false }) : this.#fileStream(this.#file)
    body.once('close', () => this.close())
    return body
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#budget.give(this.#bytes)
    this.#memory = []
    this.#file?.close().catch(() => {})
  }

  #fileStream(file: FileHandle): Readable {
    return file.createReadStream({ start: 0, autoClose: false, highWaterMark: 64 * 1024 })
  }

  async #openFile(): Promise<FileHandle> {
    const path = join(this.#folder, randomBytes(12).toString('hex'))
    const file = await open(path, 'wx+', 0o600)
    // Without a name it is gone with us, also after a crash.
    await unlink(path)
    return file
  }
}
