// The event streams of all tenants: one runs for each that is declared and enabled; one that was changed begins again where
// it stood. Must never be in the way of traffic: it reads the journal's files, and waits for nobody but its receiver.
import { join } from 'node:path'
import { isIP } from 'node:net'
import { journalEvent } from '#core/events/event.ts'
import { newId } from '#core/ids.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { specOf, type Row } from '#control/records/from-rows.ts'
import { sealedPlaces } from '#control/authority/sealed-places.ts'
import { startTenantRounds } from '#control/tenant-rounds.ts'
import { fileReceiver } from './file.ts'
import { httpReceiver } from './http.ts'
import type { Receiver } from './lap.ts'
import { receiverAddresses } from './receiver-address.ts'
import { runStream, type StreamState } from './stream.ts'
import { syslogReceiver } from './syslog.ts'

export type StreamingConfig = {
  /** Where files are written, a folder a tenant. */
  readonly folder: string
  /** Who sends, in syslog messages. */
  readonly hostname: string
  /** Inside addresses that may be receivers. */
  readonly isAllowed: (address: string) => boolean
  readonly lookMs?: number
  readonly retryMs?: number
}

type Running = { readonly version: number; readonly end: AbortController; readonly done: Promise<void> }

export function startStreaming(
  config: StreamingConfig,
  context: ControlContext,
): { readonly close: () => Promise<void> } {
  const running = new Map<string, Running>()
  const addresses = receiverAddresses((address) => isIP(address) !== 0 && config.isAllowed(address))
  const stop = async (id: string) => {
    const stream = running.get(id)
    running.delete(id)
    stream?.end.abort()
    await stream?.done
  }
  /** Its place stays taken until it has ended: what replaces it begins at a later look, and no event is sent by both. */
  const letEnd = (key: string) => {
    const stream = running.get(key)
    stream?.end.abort()
    void stream?.done.finally(() => running.delete(key))
  }
  const look = async (tenantId: string) => {
    const rows = await context.store
      .forTenant(tenantId)
      .selectFrom('resources')
      .selectAll()
      .where('resources.kind', '=', 'EventStream')
      .orderBy('resources.createdAtMs')
      .limit(caps.streamsPerTenant.default)
      .execute()
    const wanted = new Map(
      rows.filter((row) => specOf('EventStream', row).enabled !== false).map((row) => [row.id, row]),
    )
    for (const [key, { version }] of running) {
      const [ofTenant, id = ''] = key.split(' ')
      // Not waited for: it may wait itself, for a receiver or a name server, and other tenants have their turn.
      if (ofTenant === tenantId && wanted.get(id)?.version !== version) letEnd(key)
    }
    for (const [id, row] of wanted) {
      const key = `${tenantId} ${id}`
      if (running.has(key)) continue
      const end = new AbortController()
      running.set(key, { version: row.version, end, done: run(row, config, addresses, context, end.signal) })
    }
  }
  const rounds = startTenantRounds(
    'the look after event streams',
    config.lookMs ?? caps.streamLookMs.default,
    context,
    look,
  )
  return {
    close: async () => {
      await rounds.stop()
      await Promise.all([...running.keys()].map(stop))
    },
  }
}

async function run(
  row: Row<'resources'>,
  config: StreamingConfig,
  addresses: ReturnType<typeof receiverAddresses>,
  context: ControlContext,
  signal: AbortSignal,
): Promise<void> {
  const { tenantId } = row
  try {
    const state = await stateOf(row, context)
    let lostBefore = state.lost
    await runStream(
      specOf('EventStream', row),
      state,
      {
        follow: (after, ending) => context.journal.follow(tenantId, after, ending),
        receiver: receiverOf(row, config, addresses, context),
        ...(config.retryMs !== undefined && { retryMs: config.retryMs }),
        save: async (next, failure) => {
          await save(row, next, failure, context)
          if (next.lost > lostBefore) await tellLoss(row, next.lost - lostBefore, context)
          lostBefore = next.lost
        },
      },
      signal,
    )
  } catch (error) {
    context.log('an event stream could not be run', { tenantId, stream: row.name, error: String(error) })
  }
}

/** What it was at; a new one begins at the end of the journal, and that is kept before anything else. */
async function stateOf(row: Row<'resources'>, context: ControlContext): Promise<StreamState> {
  const handle = context.store.forTenant(row.tenantId)
  const known = await handle
    .selectFrom('streamCursors')
    .selectAll()
    .where('streamCursors.streamId', '=', row.id)
    .executeTakeFirst()
  if (known) return { cursor: known.cursor, sent: known.sent, lost: known.lost }
  const state = { cursor: await context.journal.end(row.tenantId), sent: 0, lost: 0 }
  await handle
    .insertInto('streamCursors', { streamId: row.id, ...state, sentAtMs: null, failure: null, failingSinceMs: null })
    .execute()
  // Streams that are no more leave nothing behind.
  const streams = await handle
    .selectFrom('resources')
    .select('resources.id')
    .where('resources.kind', '=', 'EventStream')
    .execute()
  await handle
    .deleteFrom('streamCursors')
    .where('streamCursors.streamId', 'not in', [row.id, ...streams.map(({ id }) => id)])
    .execute()
  return state
}

async function save(
  { tenantId, id }: Row<'resources'>,
  { cursor, sent, lost }: StreamState,
  failure: string | null,
  context: ControlContext,
): Promise<void> {
  const handle = context.store.forTenant(tenantId)
  const nowMs = context.nowMs()
  if (failure === null) {
    const next = { cursor, sent, lost, sentAtMs: nowMs, failure: null, failingSinceMs: null }
    await handle.updateTable('streamCursors').set(next).where('streamCursors.streamId', '=', id).execute()
    return
  }
  await handle.updateTable('streamCursors').set({ failure }).where('streamCursors.streamId', '=', id).execute()
  await handle
    .updateTable('streamCursors')
    .set({ failingSinceMs: nowMs })
    .where('streamCursors.streamId', '=', id)
    .where('streamCursors.failingSinceMs', 'is', null)
    .execute()
}

async function tellLoss(row: Row<'resources'>, lost: number, context: ControlContext): Promise<void> {
  await context.journal.record(
    row.tenantId,
    journalEvent('finding', 'create', {
      uid: newId('event'),
      timeMs: context.nowMs(),
      tenantId: row.tenantId,
      outcome: 'failure',
      severity: 4,
      message: `The event stream ${row.name} missed ${lost} events: its receiver was away for longer than the journal keeps.`,
      extra: { finding: 'stream-lost', stream: row.id, lost },
    }),
  )
}

function receiverOf(
  row: Row<'resources'>,
  config: StreamingConfig,
  addresses: ReturnType<typeof receiverAddresses>,
  { sealer }: ControlContext,
): Receiver {
  const { target } = specOf('EventStream', row)
  switch (target.kind) {
    case 'syslog':
      return syslogReceiver(target, config.hostname, addresses)
    case 'http':
      return httpReceiver(
        target,
        row.sealed === null
          ? null
          : sealer
              .open(row.sealed, sealedPlaces.resourceSecret.context({ tenantId: row.tenantId, id: row.id }))
              .toString(),
        addresses,
      )
    case 'file':
      return fileReceiver(target, join(config.folder, row.tenantId))
  }
}
