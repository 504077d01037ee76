// Copies a tenant's files to an object store: first the files, then the manifest that names them, then what is no longer
// named goes. Must never put a manifest there that names a file which is not.
import { readFile } from 'node:fs/promises'
import type { TenantId } from '#core/ids.ts'
import { isMissing } from '#journal/layout.ts'
import { fileName, filePath, manifestPath } from './layout.ts'
import { manifestOf, type LakeFile } from './manifest.ts'
import { MAX_MANIFEST_BYTES } from './caps.ts'
import type { ObjectStore } from './object-store.ts'

export type UploadRequest = { readonly folder: string; readonly tenant: TenantId; readonly signal: AbortSignal }
export type Upload = { readonly sent: number; readonly sentBytes: number; readonly removed: number }

export async function uploadTenant(store: ObjectStore, { folder, tenant, signal }: UploadRequest): Promise<Upload> {
  const root = `tenant=${tenant}/`
  const manifestKey = `${root}manifest.json`
  // The text as it is on the disk: its sum is checked there as here.
  const text = await readFile(manifestPath(folder, tenant)).catch((error: unknown) => {
    if (isMissing(error)) return undefined
    throw error
  })
  if (text === undefined) return { sent: 0, sentBytes: 0, removed: 0 }
  const manifest = manifestOf(text.toString(), tenant)
  const there = await store.get(manifestKey, MAX_MANIFEST_BYTES, signal)
  if (there !== undefined && text.equals(there)) return { sent: 0, sentBytes: 0, removed: 0 }
  const keyOf = (file: LakeFile): string => `${root}day=${file.day}/${fileName(file)}`
  const wanted = new Map(manifest.files.map((file) => [keyOf(file), file]))
  const missing = new Map(wanted)
  const extra: string[] = []
  for await (const { key, bytes } of store.list(root, signal)) {
    const file = wanted.get(key)
    // A file's content follows from its name; another size is a copy that was cut short by other means than ours.
    if (file?.bytes === bytes) missing.delete(key)
    else if (file === undefined && key !== manifestKey) extra.push(key)
  }
  let sentBytes = 0
  for (const [key, file] of missing) {
    await store.putFile(key, filePath(folder, tenant, file), file.sha256, signal)
    sentBytes += file.bytes
  }
  await store.put(manifestKey, text, signal)
  for (const key of extra) await store.remove(key, signal)
  return { sent: missing.size, sentBytes, removed: extra.length }
}
