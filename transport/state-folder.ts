// A part's own folder of keys and state, readable by its owner only. Must never leave half a file: what
// is written is on the disk under a temporary name before it takes the real one.
import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'

/** Makes the folder (0700) and refuses one that other accounts may write to. */
export async function openFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { mode } = await stat(folder)
  if ((mode & 0o022) !== 0) {
    throw new Fault('configuration-invalid', { hint: `Other accounts may write to ${folder}; use mode 0700.` })
  }
  for (const name of await readdir(folder)) {
    if (/^\..+\.[0-9a-f]{16}$/.test(name)) await rm(join(folder, name), { force: true })
  }
}

/** Replaces the file as a whole, mode 0600. */
export async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const temporary = join(folder, `.${name}.${randomBytes(8).toString('hex')}`)
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, join(folder, name))
    const directory = await open(folder, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** The file's text, or `undefined` when there is none. Throws when it is larger than `maxBytes`. */
export async function readWhole(folder: string, name: string, maxBytes: number): Promise<string | undefined> {
  try {
    const file = await open(join(folder, name), 'r')
    try {
      const { size } = await file.stat()
      if (size > maxBytes) throw new Fault('configuration-invalid', { hint: `${join(folder, name)} is too large.` })
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
