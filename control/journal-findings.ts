// What is wrong with the journals that exchanges bring, told to the tenant whose journal it is. Must never be a way to
// fill that journal: one finding of a kind and writer in an hour.
import { journalEvent, type JournalEvent } from '#core/events/event.ts'
import { newId, type TenantId } from '#core/ids.ts'
import type { ReceiverProblem } from '#journal/receive.ts'

const EVERY_MS = 3_600_000
const MAX_REMEMBERED = 10_000

const texts = {
  'too-many-epochs':
    'An exchange begins its journal anew too often. Its events are not taken; look into that exchange.',
  'record-refused':
    'An exchange sent events that are not its to tell. They are kept, marked as refused; look into that exchange.',
  refused: 'An exchange sent a journal that contradicts what it sent before, or is not its own.',
  'chain-corrupt': 'A stored journal of an exchange does not verify.',
} as const

type Deps = {
  readonly nowMs: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export function createFindings(
  { nowMs, log }: Deps,
  record: (tenantId: TenantId, event: JournalEvent) => Promise<unknown>,
): (problem: ReceiverProblem) => void {
  /** Kind, tenant and writer → when it was told. */
  const told = new Map<string, number>()
  return ({ kind, tenant, writer, detail }) => {
    if (kind === 'torn-cut') return
    const exchangeId = writer.split('.')[0] ?? writer
    const { reason, sequences } = detail
    // What an exchange may not ship to a tenant at all is no business of that tenant, and a way to write there.
    if (reason === 'not-permitted') return
    const key = `${kind} ${tenant} ${exchangeId}`
    if ((told.get(key) ?? 0) > nowMs() - EVERY_MS) return
    told.delete(key)
    told.set(key, nowMs())
    for (const oldest of told.keys()) {
      if (told.size <= MAX_REMEMBERED) break
      told.delete(oldest)
    }
    const event = journalEvent('finding', 'create', {
      uid: newId('event'),
      timeMs: nowMs(),
      tenantId: tenant,
      outcome: 'failure',
      severity: 4,
      exchangeId,
      message: texts[kind],
      extra: {
        finding: `journal-${kind}`,
        writer,
        ...(typeof reason === 'string' && { reason }),
        ...(typeof sequences === 'string' && { sequences }),
      },
    })
    record(tenant, event).catch((error: unknown) => log('finding not recorded', { error: String(error) }))
  }
}
