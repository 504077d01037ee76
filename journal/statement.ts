// What is signed about a chain: checkpoints (and seals), tombstones, and the list of what its receiver refused. Must never accept a key for a writer it does not belong
// to, nor a statement with one field more or less than it names.
import { verify, type KeyObject } from 'node:crypto'
import { isId, type TenantId } from '#core/ids.ts'
import { MAX_STATEMENT_BYTES } from './caps.ts'
import { parseWriter, type ChainPlace } from './layout.ts'
import { isHash, isObject } from './record.ts'

/** Everything up to `sequence` was so. The times are the earliest and latest of the segment up to there. */
export type Checkpoint = {
  readonly kind: 'checkpoint' | 'seal'
  readonly tenant: TenantId
  readonly writer: string
  readonly segment: number
  readonly sequence: number
  readonly hash: string
  readonly earliestMs: number
  readonly latestMs: number
  readonly timeMs: number
  readonly keyId: string
  readonly signature: string
}

export type TombstoneReason = 'retention' | 'shipped' | 'several'

/** Records `firstSequence` to `lastSequence` were removed; the chain goes on from `lastHash`. */
export type Tombstone = {
  readonly kind: 'tombstone'
  readonly tenant: TenantId
  readonly writer: string
  readonly firstSequence: number
  readonly lastSequence: number
  readonly previousHash: string
  readonly lastHash: string
  readonly reason: TombstoneReason
  readonly timeMs: number
  readonly keyId: string
  readonly signature: string
}

/** Records that the receiver of this chain set aside, as `2-3,7`: they are not its writer's to tell. */
export type Refused = {
  readonly kind: 'refused'
  readonly tenant: TenantId
  readonly writer: string
  readonly sequences: string
  readonly timeMs: number
  readonly keyId: string
  readonly signature: string
}

export type Statement = Checkpoint | Tombstone | Refused
type Unsigned<S> = S extends Statement ? Omit<S, 'keyId' | 'signature'> : never

/** Signs with Ed25519. The key itself stays with the owner. */
export type JournalSigner = { readonly keyId: string; readonly sign: (bytes: Uint8Array) => Uint8Array }

/** Whose signature counts for what: a writer's for its own chains, a custodian's for removing and refusing anyone's. */
export type JournalKey =
  | { readonly kind: 'writer'; readonly keyId: string; readonly writer: string; readonly publicKey: KeyObject }
  | { readonly kind: 'custodian'; readonly keyId: string; readonly publicKey: KeyObject }

const checkpointFields = 'tenant writer segment sequence hash earliestMs latestMs timeMs keyId'.split(' ')
const refusedFields = 'tenant writer sequences timeMs keyId'.split(' ')
const tombstoneFields = 'tenant writer firstSequence lastSequence previousHash lastHash reason timeMs keyId'.split(' ')

export function signCheckpoint(body: Unsigned<Checkpoint>, signer: JournalSigner): Checkpoint {
  const named = { ...body, keyId: signer.keyId }
  return { ...named, signature: sign(named, signer) }
}

export function signTombstone(body: Unsigned<Tombstone>, signer: JournalSigner): Tombstone {
  const named = { ...body, keyId: signer.keyId }
  return { ...named, signature: sign(named, signer) }
}

export function signRefused(body: Unsigned<Refused>, signer: JournalSigner): Refused {
  const named = { ...body, keyId: signer.keyId }
  return { ...named, signature: sign(named, signer) }
}

/** True when the statement is about this chain and signed by a key that counts for it. */
export function isAuthentic(
  statement: Statement,
  chain: Pick<ChainPlace, 'tenant' | 'writer'>,
  keys: readonly JournalKey[],
): boolean {
  if (statement.tenant !== chain.tenant || statement.writer !== chain.writer) return false
  const signature = Buffer.from(statement.signature, 'base64url')
  if (signature.length !== 64) return false
  return keys.some((key) => {
    if (key.keyId !== statement.keyId || key.publicKey.asymmetricKeyType !== 'ed25519') return false
    const { kind } = statement
    const counts =
      key.kind === 'writer'
        ? key.writer === parseWriter(chain.writer)?.name && kind !== 'refused'
        : kind === 'tombstone' || kind === 'refused'
    return counts && verify(null, signedBytes(statement), key.publicKey, signature)
  })
}

/** Reads a statement from its JSON text. Undefined for anything unexpected; says nothing about the signature. */
export function parseStatement(text: string, maxBytes = MAX_STATEMENT_BYTES): Statement | undefined {
  if (text.length > maxBytes) return undefined
  try {
    return readStatement(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** As `parseStatement`, for a value that came parsed. */
export function readStatement(value: unknown): Statement | undefined {
  if (!isObject(value)) return undefined
  const { tenant, writer, timeMs, keyId, signature, kind } = value
  const isCheckpoint = kind === 'checkpoint' || kind === 'seal'
  if (!isCheckpoint && kind !== 'tombstone' && kind !== 'refused') return undefined
  const fields = fieldsOf(kind)
  if (Object.keys(value).length !== fields.length + 2) return undefined
  if (!isId('tenant', tenant) || typeof writer !== 'string' || parseWriter(writer) === undefined) return undefined
  if (!isCount(timeMs) || typeof keyId !== 'string' || !/^[\w.:-]{1,100}$/.test(keyId)) return undefined
  if (typeof signature !== 'string' || !/^[\w-]{86}$/.test(signature)) return undefined
  const named = { tenant, writer, timeMs, keyId, signature }
  if (kind === 'checkpoint' || kind === 'seal') {
    const { segment, sequence, hash, earliestMs, latestMs } = value
    if (!isCount(segment) || !isCount(sequence) || segment < 1 || sequence < segment) return undefined
    if (!isHash(hash) || !isCount(earliestMs) || !isCount(latestMs)) return undefined
    return { kind, segment, sequence, hash, earliestMs, latestMs, ...named }
  }
  if (kind === 'refused') {
    const { sequences } = value
    return typeof sequences === 'string' && /^[\d,-]+$/.test(sequences) ? { kind, sequences, ...named } : undefined
  }
  const { firstSequence, lastSequence, previousHash, lastHash, reason } = value
  if (!isCount(firstSequence) || !isCount(lastSequence) || firstSequence < 1) return undefined
  if (lastSequence < firstSequence || !isHash(previousHash) || !isHash(lastHash)) return undefined
  if (reason !== 'retention' && reason !== 'shipped' && reason !== 'several') return undefined
  return { kind: 'tombstone', firstSequence, lastSequence, previousHash, lastHash, reason, ...named }
}

function sign(statement: UnsignedNamed, signer: JournalSigner): string {
  return Buffer.from(signer.sign(signedBytes(statement))).toString('base64url')
}

// No field can hold a line feed, so the text stands for exactly one statement.
function signedBytes(statement: UnsignedNamed): Uint8Array {
  const values: Readonly<Record<string, unknown>> = statement
  const fields = fieldsOf(statement.kind)
  return Buffer.from(
    [`sallyport-journal-${statement.kind}-v1`, ...fields.map((field) => String(values[field]))].join('\n'),
  )
}

type UnsignedNamed = Omit<Checkpoint, 'signature'> | Omit<Tombstone, 'signature'> | Omit<Refused, 'signature'>

function fieldsOf(kind: Statement['kind']): readonly string[] {
  return kind === 'tombstone' ? tombstoneFields : kind === 'refused' ? refusedFields : checkpointFields
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
