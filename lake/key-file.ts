// The public keys that control keeps beside its journal (`keys.json`), for whoever works on files without a running
// control. Must never take a file with anything else in it.
import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Fault } from '#core/fault.ts'
import { isObject } from '#journal/record.ts'
import type { JournalKey } from '#journal/statement.ts'

export async function readKeyFile(path: string): Promise<readonly JournalKey[]> {
  try {
    const entries: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (!Array.isArray(entries)) throw new TypeError('not a list')
    return entries.map(keyOf)
  } catch (cause) {
    throw new Fault('not-found', { hint: `The keys of the journal could not be read from ${path}.`, cause })
  }
}

function keyOf(entry: unknown): JournalKey {
  if (!isObject(entry)) throw new TypeError('not a key')
  const { kind, keyId, writer, pem } = entry
  const fields = kind === 'writer' ? 4 : 3
  if (typeof keyId !== 'string' || typeof pem !== 'string' || Object.keys(entry).length !== fields) {
    throw new TypeError('not a key')
  }
  const publicKey = createPublicKey(pem)
  if (kind === 'custodian') return { kind, keyId, publicKey }
  if (kind !== 'writer' || typeof writer !== 'string') throw new TypeError('not a key')
  return { kind, keyId, writer, publicKey }
}
