// Snapshots and deltas: how a tenant's records travel from control to exchanges, signed so that neither a
// relay nor a disk on the way can alter them or turn them back.
import * as z from 'zod'
import { MARK_CHARACTERS, MAX_SESSION_MARKS } from './session-marks.ts'
import { change } from '#core/records/records.ts'

/** Revoked within the life of a certificate; with more, no slice is made and connectors fail closed. */
export const MAX_REVOKED_EXCHANGES = 1000
export const MAX_CHUNK_BYTES = 1_000_000 // one chunk fits a frame with room for its envelope

const tenantId = z.string().max(64)
const sequence = z.number().int().nonnegative()

/** Signed (purpose `snapshot-root`): the whole snapshot is the concatenation of the chunks named here by hash. */
export const snapshotRoot = z.strictObject({
  tenantId,
  epoch: z.string().max(64).describe('changes when control restores a backup; a new epoch needs a newer issue time'),
  sequence: sequence.describe('the last change contained'),
  issuedAtMs: z.number().int(),
  chunkHashes: z.array(z.string().max(64)).max(10_000).describe('base64url SHA-256 of each chunk, in order'),
})
export type SnapshotRoot = z.infer<typeof snapshotRoot>

/** The text of a chunk: a JSON array of records, at most MAX_CHUNK_BYTES. */
/** Signed (purpose `delta`): changes `from + 1 … to`; `from` must equal the receiver's sequence. */
export const delta = z.strictObject({
  tenantId,
  epoch: z.string().max(64),
  from: sequence,
  to: sequence,
  issuedAtMs: z.number().int(),
  changes: z.array(change).max(10_000),
})
export type Delta = z.infer<typeof delta>

/** Signed (purpose `heartbeat`): nothing happened up to `sequence`; keeps a snapshot from going stale. */
export const heartbeat = z.strictObject({ tenantId, epoch: z.string().max(64), sequence, issuedAtMs: z.number().int() })
export type Heartbeat = z.infer<typeof heartbeat>

/** Signed (purpose `slice`): what a connector must know itself, so that an exchange cannot re-aim it. */
export const connectorSlice = z.strictObject({
  tenantId,
  connectorId: z.string().max(64),
  sequence,
  issuedAtMs: z.number().int(),
  identityCaPem: z.array(z.string()).min(1),
  exchangeCaPem: z.array(z.string()).min(1),
  statementKeys: z.array(z.string()).min(1).describe('SPKI PEM of the keys that sign statements'),
  apps: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      appKind: z.enum(['http', 'tcp']),
      inspect: z.boolean(),
      enabled: z.boolean(),
      ports: z.array(z.string()).describe('ports a person may ask for; meaningful when upstream.port is absent'),
      upstream: z.strictObject({
        host: z.string(),
        port: z.number().int().nullable(),
        tls: z
          .strictObject({
            serverName: z.string().optional(),
            ca: z.string().optional(),
            insecureSkipVerify: z.boolean().optional(),
          })
          .nullable(),
      }),
      health: z.strictObject({
        kind: z.enum(['tcp', 'http', 'none']),
        path: z.string().optional(),
        intervalSeconds: z.number().int().optional(),
      }),
    }),
  ),
  revokedSessionIds: z.array(z.string()).describe('sessions ended while a statement about them is still valid'),
  revokedSessionMarks: z
    .string()
    .max(MAX_SESSION_MARKS * MARK_CHARACTERS)
    .regex(/^(?:[a-z2-7]{8})*$/)
    .optional()
    .describe('in place of the ids when they are many: eight characters of each, one after the other'),
  statementsSinceMs: z
    .number()
    .int()
    .optional()
    .describe('statements issued earlier are refused: so many sessions have ended that not all are named'),
  revokedDeviceIds: z.array(z.string()),
  revokedExchangeIds: z
    .array(z.string().max(64))
    .max(MAX_REVOKED_EXCHANGES)
    .describe('exchanges that may still hold a valid certificate; nothing of theirs is taken'),
  staleAfterSeconds: z.number().int().positive().describe('older than this, the slice opens no flow'),
  apart: z
    .strictObject({
      salt: z.string().max(64),
      people: z.array(z.string().max(64)).max(100),
      apps: z.array(z.string().max(64)).max(100),
    })
    .optional()
    .describe('HMAC-SHA-256 of ids: these people reach these apps and no other, whatever a grant says'),
})
export type ConnectorSlice = z.infer<typeof connectorSlice>
