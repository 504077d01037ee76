// What control tells this connector itself, past every exchange: its apps, keys and revocations. Must never take a
// slice that control did not sign for us, nor one older than the one in force.
import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { endedSessions } from '#core/wire/session-marks.ts'
import { connectorSlice, type ConnectorSlice } from '#core/wire/snapshot.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from './caps.ts'
import { readWhole, writeWhole } from '#transport/state-folder.ts'

const FILE = 'slice.token'
const SLICE_PURPOSE = 'slice'

export type SliceApp = ConnectorSlice['apps'][number]

/** A verified slice with its parts made ready to look up. */
export type SliceInForce = {
  readonly slice: ConnectorSlice
  readonly apps: ReadonlyMap<string, SliceApp>
  readonly statementKeys: readonly KeyObject[]
  readonly revokedSessions: { readonly has: (sessionId: string) => boolean }
  readonly revokedDevices: ReadonlySet<string>
  readonly revokedExchanges: ReadonlySet<string>
  /** Whether control keeps this person apart from this app, whatever policy and grant say. */
  readonly keepsApart: (userId: string, appId: string) => boolean
}

export type SliceOwner = {
  readonly tenantId: string
  readonly connectorId: string
  /** SPKI PEM, pinned at enrolment. */
  readonly sliceKeys: readonly string[]
}

/** Throws `token-invalid` (not control's word) or `snapshot-refused` (not ours, from the future, or older). */
export function verifySlice(
  token: string,
  owner: SliceOwner,
  inForce: ConnectorSlice | undefined,
  nowMs: number,
): SliceInForce {
  const keys = owner.sliceKeys.map((pem) => createPublicKey(pem))
  const payload = verifyToken(SLICE_PURPOSE, token, keys, { maxBytes: caps.sliceBytes.default })
  const parsed = connectorSlice.safeParse(payload)
  const refuse = (why: string) => new Fault('snapshot-refused', { detail: { why } })
  if (!parsed.success) throw refuse('form')
  const slice = parsed.data
  if (slice.tenantId !== owner.tenantId || slice.connectorId !== owner.connectorId) throw refuse('of another connector')
  if (slice.issuedAtMs > nowMs + caps.sliceFutureMs.default) throw refuse('from the future')
  if (inForce !== undefined && (slice.sequence < inForce.sequence || slice.issuedAtMs < inForce.issuedAtMs)) {
    throw refuse('older than the one in force')
  }
  return {
    slice,
    apps: new Map(slice.apps.map((app) => [app.id, app])),
    statementKeys: slice.statementKeys.map((pem) => createPublicKey(pem)),
    revokedSessions: endedSessions(slice.revokedSessionIds, slice.revokedSessionMarks ?? ''),
    revokedDevices: new Set(slice.revokedDeviceIds),
    revokedExchanges: new Set(slice.revokedExchangeIds),
    keepsApart: apartBy(slice.apart),
  }
}

function apartBy(apart: ConnectorSlice['apart']): SliceInForce['keepsApart'] {
  if (apart === undefined) return () => false
  const [people, apps] = [new Set(apart.people), new Set(apart.apps)]
  const hash = (id: string) => createHmac('sha256', apart.salt).update(id).digest('base64url')
  return (userId, appId) => people.has(hash(userId)) && !apps.has(hash(appId))
}

export type SliceKeeper = {
  readonly current: () => SliceInForce | undefined
  /** Verifies and puts in force at once; what is in force survives a restart. Throws as `verifySlice`. */
  readonly take: (token: string) => SliceInForce
  /** Resolves when what is in force is on the disk. */
  readonly saved: () => Promise<void>
}

export async function startSliceKeeper(
  owner: SliceOwner,
  folder: string,
  deps: { readonly nowMs: () => number; readonly log: (message: string, fields?: Record<string, unknown>) => void },
): Promise<SliceKeeper> {
  let inForce: SliceInForce | undefined
  const kept = await readWhole(folder, FILE, caps.sliceBytes.default)
  if (kept !== undefined) {
    try {
      // A clock that was set back must not make us forget what control has revoked: no look at the future here.
      inForce = verifySlice(kept, owner, undefined, Number.MAX_SAFE_INTEGER / 2)
    } catch (error) {
      deps.log('the kept slice is not authentic and was dropped', { code: error instanceof Fault ? error.code : '' })
    }
  }
  let unsaved: string | undefined
  let saving: Promise<void> = Promise.resolve()
  const save = async () => {
    // Only the newest matters: tokens that came while one was being written are skipped.
    if (unsaved === undefined) return
    const token = unsaved
    unsaved = undefined
    try {
      await writeWhole(folder, FILE, token)
    } catch (error) {
      deps.log('the slice could not be saved', { error: String(error) })
    }
  }
  return {
    current: () => inForce,
    take: (token) => {
      const taken = verifySlice(token, owner, inForce?.slice, deps.nowMs())
      inForce = taken
      unsaved = token
      saving = saving.then(save)
      return taken
    },
    saved: () => saving,
  }
}
