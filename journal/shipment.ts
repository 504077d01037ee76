// What goes between a shipper and a receiver, as one message each way. Must never accept a field it does not know.
import { Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { MAX_SHIPMENT_BYTES } from './caps.ts'
import { parseWriter } from './layout.ts'
import { isHash, isObject } from './record.ts'
import { readStatement, type Checkpoint } from './statement.ts'

/** Records `firstSequence` to `checkpoint.sequence` of one segment, signed at their end. */
export type ShipBatch = {
  readonly tenant: TenantId
  readonly writer: string
  readonly segment: number
  readonly firstSequence: number
  /** Hash of the record before the first. */
  readonly previousHash: string
  readonly checkpoint: Checkpoint
  /** Where the segment before ended, on the first batch of a segment. */
  readonly seal?: Checkpoint
  /** The lines as stored. */
  readonly lines: Buffer
}

export type RefusalReason =
  | 'not-permitted'
  | 'not-authentic'
  | 'not-a-chain'
  | 'fork'
  | 'not-its-events'
  | 'receiver-corrupt'
  | 'too-large'

/** `acknowledged`: everything up to `sequence` is on the receiver's disk. */
export type ShipAnswer =
  | {
      readonly kind: 'acknowledged'
      readonly tenant: TenantId
      readonly writer: string
      readonly sequence: number
      readonly hash: string
      /** Records of this batch that are kept, and are no events: they are not this writer's to tell. Absent: none. */
      readonly refused?: number
    }
  | { readonly kind: 'resend'; readonly tenant: TenantId; readonly writer: string; readonly afterSequence: number }
  | { readonly kind: 'refused'; readonly tenant: TenantId; readonly writer: string; readonly reason: RefusalReason }

const refusalReasons: readonly RefusalReason[] = [
  'not-permitted',
  'not-authentic',
  'not-a-chain',
  'fork',
  'not-its-events',
  'receiver-corrupt',
  'too-large',
]

/** One line of JSON, then the lines of the journal. */
export function encodeBatch(batch: ShipBatch): Uint8Array {
  const { lines, ...header } = batch
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), lines])
}

/** Throws `wire-malformed`. Says nothing about signatures or hashes. */
export function decodeBatch(bytes: Uint8Array): ShipBatch {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = buffer.indexOf(10)
  if (buffer.length > MAX_SHIPMENT_BYTES || end < 0) throw new Fault('wire-malformed')
  const header = parseJson(buffer.toString('utf8', 0, end))
  const { tenant, writer, segment, firstSequence, previousHash } = header
  const checkpoint = readStatement(header['checkpoint'])
  const seal = header['seal'] === undefined ? undefined : readStatement(header['seal'])
  const fields = header['seal'] === undefined ? 6 : 7
  if (Object.keys(header).length !== fields || !isId('tenant', tenant)) throw new Fault('wire-malformed')
  if (typeof writer !== 'string' || parseWriter(writer) === undefined || !isHash(previousHash)) {
    throw new Fault('wire-malformed')
  }
  if (!isSequence(segment) || !isSequence(firstSequence) || checkpoint?.kind !== 'checkpoint') {
    throw new Fault('wire-malformed')
  }
  if (fields === 7 && seal?.kind !== 'seal') throw new Fault('wire-malformed')
  const named = { tenant, writer, segment, firstSequence, previousHash, checkpoint, lines: buffer.subarray(end + 1) }
  return seal?.kind === 'seal' ? { ...named, seal } : named
}

export function encodeAnswer(answer: ShipAnswer): string {
  return JSON.stringify(answer)
}

/** Throws `wire-malformed`. */
export function decodeAnswer(text: string): ShipAnswer {
  if (text.length > 1024) throw new Fault('wire-malformed')
  const value = parseJson(text)
  const { kind, tenant, writer } = value
  if (!isId('tenant', tenant) || typeof writer !== 'string' || parseWriter(writer) === undefined) {
    throw new Fault('wire-malformed')
  }
  const count = Object.keys(value).length
  const { sequence, hash, afterSequence, refused } = value
  if (kind === 'acknowledged' && count === 5 && isSequence(sequence) && isHash(hash)) {
    return { kind, tenant, writer, sequence, hash }
  }
  if (kind === 'acknowledged' && count === 6 && isSequence(sequence) && isHash(hash) && isSequence(refused)) {
    return { kind, tenant, writer, sequence, hash, refused }
  }
  if (kind === 'resend' && count === 4 && (afterSequence === 0 || isSequence(afterSequence))) {
    return { kind, tenant, writer, afterSequence }
  }
  const reason = refusalReasons.find((one) => one === value['reason'])
  if (kind === 'refused' && count === 4 && reason !== undefined) return { kind, tenant, writer, reason }
  throw new Fault('wire-malformed')
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (cause) {
    throw new Fault('wire-malformed', { cause })
  }
  throw new Fault('wire-malformed')
}

function isSequence(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
