// One part of the product as a process of its own: started with the command that a person would type, killed without
// warning, started again with the same command and nothing else. Must never help a part that comes back.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const OUTPUT_KEPT = 40_000
const STOP_DEADLINE_MS = 20_000

const living = new Set<ChildProcess>()
// A run that ends badly leaves no part behind.
process.once('exit', () => living.forEach((child) => child.kill('SIGKILL')))

export type PartName = 'control' | 'exchange' | 'connector' | 'agent'

export class Part {
  readonly name: PartName
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #output = ''
  #isWanted = false
  kills = 0
  /** Times it ended without being told to. */
  falls = 0
  startedAtMs = 0
  /** Reasons that it gave to programs at its doors, with how often. */
  readonly refusals = new Map<string, number>()
  mostResidentMiB = 0

  constructor(name: PartName, words: readonly string[], options: Readonly<Record<string, string>>) {
    this.name = name
    this.#args = sallyport(words, options)
  }

  get isUp(): boolean {
    return this.#child !== undefined
  }

  /** The last lines that it wrote, over all its lives. */
  get output(): string {
    return this.#output
  }

  start(): void {
    if (this.#child !== undefined) return
    this.#isWanted = true
    this.startedAtMs = Date.now()
    const child = spawn(process.execPath, [...this.#args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, SALLYPORT_LOG: 'json' },
    })
    this.#child = child
    living.add(child)
    const keep = (text: Buffer) => {
      this.#output = (this.#output + text.toString()).slice(-OUTPUT_KEPT)
      for (const [, reason = ''] of text.toString().matchAll(/"connection refused".*"reason":"([a-z-]+)"/g))
        this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.once('exit', (code, signal) => {
      this.#child = undefined
      living.delete(child)
      keep(Buffer.from(`--- ${this.name} ended: ${signal ?? code ?? ''}\n`))
      if (!this.#isWanted) return
      // It gave up by itself. A real supervisor would start it again; the run reports that it had to.
      this.falls++
      setTimeout(() => {
        if (this.#isWanted) this.start()
      }, 500)
    })
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    this.kills++
    await ended
  }

  /** The polite end. */
  async stop(): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (child === undefined) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await ended
    clearTimeout(impatience)
  }

  /** Reads how much memory the process has now, and keeps the most. */
  measure(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      this.mostResidentMiB = Math.max(this.mostResidentMiB, Math.round(Number(resident?.[1] ?? 0) / 1024))
    } catch {
      // It ended between the two.
    }
  }
}

/** What Node is given to run `sallyport words --option value …`: as the launcher does, but without it, for kills. */
export function sallyport(words: readonly string[], options: Readonly<Record<string, string>>): readonly string[] {
  const given = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
  return ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4', 'cli/main.ts', ...words, ...given]
}
