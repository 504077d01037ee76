// What goes to whoever helps: versions, this machine, the names and sizes of files, the ends of logs. One JSON file that a
// person can read before it is sent. Must never hold the content of a state file, the value of a variable, or a secret.
import { open, readdir, stat } from 'node:fs/promises'
import { arch, availableParallelism, freemem, loadavg, platform, release, totalmem } from 'node:os'
import { basename, join, relative } from 'node:path'
import { caps } from '#operations/caps.ts'
import type { HopResult } from '#operations/doctor/hop.ts'
import { removeSecrets, secretValuesOf } from './remove-secrets.ts'

export type BundleConfig = {
  readonly software: string
  /** Folders whose files are listed by name, size and mode. */
  readonly folders: readonly string[]
  /** Text files, such as logs and configuration, whose ends are taken, without secrets. */
  readonly files: readonly string[]
  readonly doctor: readonly { readonly what: string; readonly hops: readonly HopResult[] }[]
  /** Text of /metrics, where a part could be asked. */
  readonly metrics: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly nowMs: number
}

export async function makeBundle(config: BundleConfig): Promise<string> {
  const known = secretValuesOf(config.environment)
  const clean = (text: string) => removeSecrets(text, known)
  const files: Record<string, string> = {}
  let bytes = 0
  for (const path of config.files.slice(0, caps.supportFiles.default)) {
    const text = clean(await endOf(path))
    bytes += text.length
    files[basename(path)] = bytes > caps.supportBytes.default ? '[left out: the bundle is full]' : text
  }
  const bundle = {
    form: 'sallyport-support/1',
    madeAt: new Date(config.nowMs).toISOString(),
    software: config.software,
    machine: {
      node: process.version,
      platform: platform(),
      release: release(),
      arch: arch(),
      processors: availableParallelism(),
      memoryMiB: Math.round(totalmem() / 2 ** 20),
      freeMiB: Math.round(freemem() / 2 ** 20),
      load: loadavg(),
    },
    // Names only: a value may be a password.
    variables: Object.keys(config.environment)
      .filter((name) => /^(SALLYPORT|NODE|OTEL|HTTPS?_PROXY|NO_PROXY|PG)/i.test(name))
      .toSorted(),
    folders: Object.fromEntries(await Promise.all(config.folders.map(async (at) => [at, await listing(at)] as const))),
    files,
    doctor: config.doctor,
    // Cleaned as one text: a key runs over several lines.
    metrics: config.metrics === null ? null : clean(config.metrics).split('\n'),
  }
  const cleaned = (_key: string, value: unknown) => (typeof value === 'string' ? clean(value) : value)
  return `${JSON.stringify(bundle, cleaned, 1)}\n`
}

type Listed = { readonly name: string; readonly bytes: number; readonly mode: string; readonly changedAt: string }

async function listing(folder: string): Promise<readonly Listed[] | string> {
  const found: Listed[] = []
  try {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (found.length >= caps.supportFiles.default) break
      if (!entry.isFile()) continue
      const path = join(entry.parentPath, entry.name)
      const { size, mode, mtime } = await stat(path)
      const name = relative(folder, path)
      found.push({ name, bytes: size, mode: (mode & 0o777).toString(8), changedAt: mtime.toISOString() })
    }
    return found
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
  }
}

async function endOf(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    const most = caps.supportFileBytes.default
    const buffer = Buffer.alloc(Math.min(size, most))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, Math.max(0, size - most))
    const text = buffer.subarray(0, bytesRead).toString('utf8')
    // A key that was cut in two is not known by its beginning: the first, broken line goes.
    return size > most ? text.slice(text.indexOf('\n') + 1).replace(/^[\s\S]*?-----END [A-Z0-9 ]+-----/, '') : text
  } catch (error) {
    return `[unreadable: ${error instanceof Error && 'code' in error ? String(error.code) : 'error'}]`
  }
}
