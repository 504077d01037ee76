// Copies a store that nobody writes into an empty one and compares them. Must never run beside a control plane that
// writes the source: what it wrote afterwards would be missing.
import { dirname, join } from 'node:path'
import { acquireLock } from '#journal/lock.ts'
import { type RowDigest, RowSum } from '#control/store/row-digest.ts'
import { loadRows } from '#control/store/row-load.ts'
import { openRowSnapshot, type RowBatch } from '#control/store/row-snapshot.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { compareStore } from './restore-backup.ts'

export type CopyRequest = {
  readonly folder: string
  readonly source: { readonly config: StoreConfig; readonly pathBelowFolder: string }
  readonly target: StoreConfig
}

/** Throws Fault `address-in-use` while control runs, `configuration-invalid` when the target has tables. */
export async function copyStore({ folder, source, target }: CopyRequest, nowMs: () => number): Promise<RowDigest> {
  const home = dirname(join(folder, source.pathBelowFolder))
  // The lock that a running control plane holds on its journal.
  const lock = await acquireLock(join(home, 'journal', 'control.lock'))
  try {
    const sum = new RowSum()
    await using rows = await openRowSnapshot(source.config, home)
    async function* counted(): AsyncGenerator<RowBatch> {
      for await (const batch of rows.batches()) {
        for (const row of batch.rows) sum.add(batch.table, row)
        yield batch
      }
    }
    await loadRows(target, { migrations: rows.migrations, batches: counted() }, nowMs)
    await compareStore(target, home, sum.digest())
    return sum.digest()
  } finally {
    await lock.release()
  }
}
