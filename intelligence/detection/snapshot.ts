// What detection remembers, on disk: one file, written beside and renamed, with a checksum. Must never be half a state: a
// file that does not check is reported and not used.
import { createHash } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { deserialize, serialize } from 'node:v8'
import { Fault, isFault } from '#core/fault.ts'
import { caps } from '#intelligence/caps.ts'
import { fittedTo } from './co-use.ts'
import { channels, oddities } from './kinds.ts'
import type { DetectionState } from './state.ts'

const MAGIC = Buffer.from('sallyport-detection-3\n')
/** Had the counts of `coUse` always at their full size; read, never written. */
const FULL_SIZE = Buffer.from('sallyport-detection-2\n')
const DIGEST_BYTES = 32

type Saved = {
  readonly layout: string
  readonly cursor: string | undefined
  readonly state: DetectionState
}

/** Positions in the state mean these names; another version with other names cannot read it. */
const layout = [...channels, '/', ...oddities].join()

/** `cursor`: where in the journal the state stands. */
export async function saveState(file: string, state: DetectionState, cursor: string | undefined): Promise<void> {
  const body = serialize({ layout, cursor, state } satisfies Saved)
  const part = `${file}.part`
  const handle = await open(part, 'w', 0o600)
  try {
    await handle.writeFile(Buffer.concat([MAGIC, createHash('sha256').update(body).digest(), body]))
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(part, file)
}

/** undefined when there is none. Throws `document-invalid` for one that is damaged or of another version. */
export async function loadState(file: string): Promise<Omit<Saved, 'layout'> | undefined> {
  let bytes: Buffer
  try {
    const { size } = await stat(file)
    if (size > caps.snapshotBytes.default)
      throw new Fault('document-invalid', { hint: 'The saved state is too large.' })
    bytes = await readFile(file)
  } catch (cause) {
    if (isFault(cause)) throw cause
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw new Fault('document-invalid', { hint: 'The saved state of detection could not be read.', cause })
  }
  const digest = bytes.subarray(MAGIC.length, MAGIC.length + DIGEST_BYTES)
  const body = bytes.subarray(MAGIC.length + DIGEST_BYTES)
  const magic = bytes.subarray(0, MAGIC.length)
  if (!(magic.equals(MAGIC) || magic.equals(FULL_SIZE)) || !createHash('sha256').update(body).digest().equals(digest))
    throw new Fault('document-invalid', { hint: 'The saved state of detection is damaged or of another version.' })
  // Checked above: these are bytes that saveState wrote.
  const saved = deserialize(body) as Saved
  if (saved.layout !== layout)
    throw new Fault('document-invalid', { hint: 'The saved state of detection is of another version.' })
  return small(saved)
}

/** Arrays that were read share the memory of the whole file: what was dropped of it is let go by a second reading. */
function small(saved: Saved): Saved {
  const { tenant } = saved.state
  const fitted = fittedTo(tenant.coUse, tenant.appNames.length)
  if (fitted === tenant.coUse) return saved
  tenant.coUse = fitted
  return deserialize(serialize(saved)) as Saved
}
