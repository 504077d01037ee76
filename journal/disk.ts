// The few file operations a journal writes with, injectable so that tests can fill the disk; and small files that are
// replaced as a whole. Must never fsync on the calling thread.
import { closeSync, fdatasync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { MAX_STATEMENT_BYTES } from './caps.ts'
import { isMissing } from './layout.ts'

export type Disk = {
  /** Opens for appending; with `isNew` the file must not exist yet. */
  readonly open: (path: string, isNew: boolean) => number
  /** Bytes taken, which may be fewer than offered. */
  readonly write: (fd: number, bytes: Uint8Array, offset: number) => number
  readonly truncate: (fd: number, bytes: number) => void
  readonly sync: (fd: number) => Promise<void>
  readonly close: (fd: number) => void
}

export const systemDisk: Disk = {
  open: (path, isNew) => openSync(path, isNew ? 'ax' : 'a', 0o600),
  write: (fd, bytes, offset) => writeSync(fd, bytes, offset),
  truncate: ftruncateSync,
  sync: (fd) =>
    new Promise((resolve, reject) => {
      fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))
    }),
  close: closeSync,
}

/** fsyncs a folder, so that names made or removed in it survive a power cut. */
export async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** fdatasyncs a file by name. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** Replaces a small file: a reader, or a start after a power cut, sees the old text or the new one, whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** The text of a small file, or undefined when there is none. Longer than `maxBytes` reads as empty: not ours. */
export async function readSmallFile(path: string, maxBytes = MAX_STATEMENT_BYTES): Promise<string | undefined> {
  try {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      return size > maxBytes ? '' : await readFile(handle, 'utf8')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
