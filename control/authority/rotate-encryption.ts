// Changes the key-encryption key of a data folder while control runs on it. Must never take the old key out of the file
// before nothing needs it, and never leave the file without a key that opens the store.
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '#core/fault.ts'
import { startStore, type StoreConfig } from '#control/store/store.ts'
import {
  createSealer,
  KEY_FILE_CHECK_MS,
  keysOfFile,
  newEncryptionKey,
  readKeyFile,
  writeKeyFile,
} from './key-encryption.ts'
import { resealStore, type ResealReport } from './reseal.ts'

/** A running control has looked at the file by then, and what it was sealing has been written. */
const SETTLE_MS = 5 * KEY_FILE_CHECK_MS
const MAX_ROUNDS = 10

export type RotateDeps = { readonly nowMs: () => number; readonly signal: AbortSignal; readonly settleMs?: number }

/**
 * New first line in the key file; everything sealed anew; the older lines out. May be run again after it was cut short.
 * Throws Fault `store-failed`, with the old keys still in the file, when something does not open or control goes on
 * sealing under the old key.
 */
export async function rotateEncryption(
  keyFile: string,
  storeConfig: StoreConfig,
  { nowMs, signal, settleMs = SETTLE_MS }: RotateDeps,
): Promise<ResealReport> {
  const old = readKeyFile(keyFile)
  // One that was cut short has its new key in the file already; it is gone on with.
  if (old.length === 1) writeKeyFile(keyFile, [newEncryptionKey(), ...old])
  await delay(settleMs, undefined, { signal })
  const [newest] = readKeyFile(keyFile)
  await using store = await startStore(storeConfig, { nowMs })
  const sealer = createSealer(keysOfFile(keyFile))
  let resealed = 0
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const report = await resealStore(store, sealer, signal)
    resealed += report.resealed
    if (Object.keys(report.unreadable).length > 0)
      throw new Fault('store-failed', {
        hint: `Some values open under no key that is here: ${Object.entries(report.unreadable)
          .map(([place, count]) => `${count} in ${place}`)
          .join(', ')}. The old keys stay in ${keyFile}.`,
      })
    if (report.resealed === 0 && newest) {
      writeKeyFile(keyFile, [newest])
      return { resealed, unreadable: {} }
    }
    await delay(settleMs, undefined, { signal })
  }
  throw new Fault('store-failed', {
    hint: `Something goes on sealing under the old key; does every control plane read ${keyFile}? The old keys stay.`,
  })
}
