// An object store in a folder: another disk, or a mounted share. Must never leave its folder, nor show a half-written
// object.
import { copyFile, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { syncFile, syncFolder } from '#journal/disk.ts'
import { errorCode, isMissing } from '#journal/layout.ts'
import { checkKey, checkPrefix, type ObjectInfo, type ObjectStore } from './object-store.ts'
import { diskFault, hashFile } from './parquet.ts'

const TEMPORARY = '.part'

export function openFolderStore(root: string): ObjectStore {
  const pathOf = (key: string): string => join(root, ...checkKey(key).split('/'))

  async function place(key: string, write: (temporary: string) => Promise<void>): Promise<void> {
    const path = pathOf(key)
    const temporary = `${path}${TEMPORARY}`
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await write(temporary)
      await syncFile(temporary)
      await rename(temporary, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await rm(temporary, { force: true })
      throw diskFault(error)
    }
  }

  async function* walk(dir: string, key: string): AsyncGenerator<ObjectInfo, void> {
    const entries = await readdir(dir, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return []
      throw error
    })
    // A folder sorts where its keys do: with the slash that follows its name.
    const named = entries.map((entry) => ({ entry, order: entry.isDirectory() ? `${entry.name}/` : entry.name }))
    for (const { entry } of named.toSorted((a, b) => (a.order < b.order ? -1 : 1))) {
      if (entry.isDirectory()) yield* walk(join(dir, entry.name), `${key}${entry.name}/`)
      else if (entry.isFile() && !entry.name.endsWith(TEMPORARY)) {
        yield { key: `${key}${entry.name}`, bytes: (await stat(join(dir, entry.name))).size }
      }
    }
  }

  const list = (prefix: string): AsyncIterable<ObjectInfo> => walk(join(root, checkPrefix(prefix)), prefix)

  return {
    putFile: (key, source, sha256, signal) =>
      place(key, async (temporary) => {
        await copyFile(source, temporary)
        if ((await hashFile(temporary, signal)) !== sha256) throw new Fault('lake-corrupt', { detail: { key } })
      }),
    put: (key, bytes) =>
      place(key, async (temporary) => {
        const handle = await open(temporary, 'w', 0o600)
        try {
          await handle.writeFile(bytes)
        } finally {
          await handle.close()
        }
      }),
    get: async (key, maxBytes) => {
      const path = pathOf(key)
      const size = await sizeOf(path)
      if (size === undefined) return undefined
      if (size > maxBytes) throw new Fault('at-capacity', { hint: 'The object is larger than asked for.' })
      return await readFile(path)
    },
    head: async (key) => {
      const bytes = await sizeOf(pathOf(key))
      return bytes === undefined ? undefined : { key, bytes }
    },
    list,
    remove: (key) => removeKey(root, pathOf(key)),
    removeAll: async (prefix, signal) => {
      for await (const { key } of list(prefix)) {
        signal.throwIfAborted()
        await removeKey(root, pathOf(key))
      }
    },
  }
}

// Folders are no objects: one without any is not left behind.
async function removeKey(root: string, path: string): Promise<void> {
  await rm(path, { force: true })
  for (let dir = dirname(path); dir.startsWith(root) && dir !== root; dir = dirname(dir)) {
    try {
      await rmdir(dir)
    } catch (error) {
      if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(errorCode(error))) return
      throw error
    }
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? found.size : undefined
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
