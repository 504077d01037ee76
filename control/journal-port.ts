// The journal as control uses it: its own chain, and the chains that exchanges bring. Must never say that an event is
// kept before the disk has it.
import { createPublicKey } from 'node:crypto'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { eventClasses, type JournalEvent, isEventTime } from '#core/events/event.ts'
import { isId, type TenantId } from '#core/ids.ts'
import { replaceFile } from '#journal/disk.ts'
import { endOfJournal, followEvents } from '#journal/follow.ts'
import { startJournal } from '#journal/journal.ts'
import { parseWriter } from '#journal/layout.ts'
import { JournalReceiver, type WriterOf } from '#journal/receive.ts'
import { decodeBatch, encodeAnswer } from '#journal/shipment.ts'
import type { JournalKey } from '#journal/statement.ts'
import { removeSegments } from '#journal/tombstone.ts'
import { keyThumbprint } from '#transport/secret.ts'
import type { ControlAuthority } from './authority/authority.ts'
import type { JournalPort } from './context.ts'
import { pageOfEvents } from './event-pages.ts'
import { createFindings } from './journal-findings.ts'
import type { LakeHooks, RunningLake } from './lake-port.ts'
import type { Store } from './store/store.ts'

export type JournalPortDeps = {
  readonly store: Store
  readonly signer: ControlAuthority['journalSigner']
  /** An event of an exchange about somebody's use of an app. */
  readonly saw: (tenantId: string, event: JournalEvent) => void
  readonly nowMs: () => number
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}
export type RunningJournal = JournalPort & {
  /** For `sallyport journal verify`: whose signatures count. */
  readonly keys: () => readonly JournalKey[]
  readonly root: string
  /** Lets segments go that are kept elsewhere, of any chain here. */
  readonly removeSegments: LakeHooks['removeSegments']
  /** From now on pages of events go on in the lake where the segments end. */
  readonly useLake: (lake: RunningLake) => void
  readonly close: () => Promise<void>
}

const WRITER = 'control'

export async function startJournalPort(dataFolder: string, deps: JournalPortDeps): Promise<RunningJournal> {
  const root = join(dataFolder, 'journal')
  const { keyId, publicKey, sign } = deps.signer
  const own: JournalKey[] = [
    { kind: 'writer', keyId, writer: WRITER, publicKey },
    { kind: 'custodian', keyId, publicKey },
  ]
  let keys: readonly JournalKey[] = own
  let listed: Promise<void> = Promise.resolve()
  const report = (problem: object) => deps.log('journal', { ...problem })
  const journal = await startJournal(
    { root, writer: WRITER },
    { signer: { keyId, sign }, keys: own, report, nowMs: deps.nowMs },
  )
  const found = createFindings(deps, (tenantId, event) => journal.appendDurable(tenantId, event))
  const receiver = new JournalReceiver(root, {
    keys: () => keys,
    report: (problem) => {
      report(problem)
      found(problem)
    },
    judge: {
      signer: { keyId, sign },
      mayWrite: (event, of) => {
        if (!isOfExchange(event, of)) return false
        deps.saw(of.tenant, event)
        return true
      },
    },
    nowMs: deps.nowMs,
  })
  let lake: RunningLake | null = null
  const port: RunningJournal = {
    keys: () => keys,
    root,
    useLake: (running) => {
      lake = running
    },
    // Our own chains are the journal's to keep in step with; an exchange's are ours as their custodian.
    removeSegments: (place, request) =>
      parseWriter(place.writer)?.name === WRITER
        ? journal.removeSegments(place, request)
        : removeSegments(place, request, { keys, signer: { keyId, sign }, nowMs: deps.nowMs }),
    record: async (tenantId, event) => {
      await journal.appendDurable(tenant(tenantId), event)
    },
    list: (tenantId, query) => pageOfEvents(root, tenant(tenantId), query, lake),
    follow: (tenantId, after, signal) => {
      const following = followEvents(
        root,
        { tenant: tenant(tenantId), signal, ...(after !== undefined && { afterCursor: after }) },
        { journal },
      )
      return (async function* () {
        for await (const { writer, sequence, event } of following)
          yield { cursor: following.cursor(), writer, sequence, event }
      })()
    },
    end: (tenantId) => endOfJournal(root, tenant(tenantId)),
    receive: async (exchangeId, mayShip, batch) => {
      if (typeof batch !== 'string') throw new Fault('wire-malformed', { detail: { why: 'journal batch' } })
      const peer = { writer: exchangeId, mayShip }
      return encodeAnswer(await receiver.accept(decodeBatch(Buffer.from(batch, 'base64')), peer))
    },
    keysChanged: async () => {
      const rows = await deps.store.provider
        .selectFrom('exchanges')
        .select(['exchanges.id', 'exchanges.journalKeys'])
        .execute()
      keys = [...own, ...rows.flatMap(({ id, journalKeys }) => writerKeys(id, JSON.parse(journalKeys)))]
      await (listed = listed.catch(() => {}).then(() => replaceFile(join(root, 'keys.json'), keyList(keys))))
    },
    close: async () => {
      await receiver.close()
      await journal.close()
    },
  }
  await port.keysChanged()
  return port
}

const ofExchanges = [eventClasses.authorization, eventClasses.network, eventClasses.http, eventClasses.dns]

/** Exchanges tell of decisions and traffic, their own, and of what content on its way was. Who signed in and who changed what is ours to say. */
export function isOfExchange(event: Readonly<Record<string, unknown>>, { tenant, writer }: WriterOf): boolean {
  const { class_uid, category_uid, activity_id, type_uid } = event
  const isKnown = ofExchanges.some((one) => one.class_uid === class_uid && one.category_uid === category_uid)
  // What it found in content on the way is its to tell; stories about people are detection's, and have a `finding_info`.
  const isContent =
    class_uid === eventClasses.finding.class_uid &&
    category_uid === eventClasses.finding.category_uid &&
    event['finding_info'] === undefined &&
    typeof field(event['unmapped'], 'web') === 'object' &&
    field(event['unmapped'], 'web') !== null
  if (!isEventTime(event['time'])) return false
  if (!(isKnown || isContent) || typeof class_uid !== 'number' || typeof activity_id !== 'number') return false
  if (type_uid !== class_uid * 100 + activity_id) return false
  return field(event['metadata'], 'tenant_uid') === tenant && field(event['unmapped'], 'exchange_uid') === writer
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

/** For whoever verifies without a running control: public halves only. */
function keyList(keys: readonly JournalKey[]): string {
  const entries = keys.map((key) => ({
    kind: key.kind,
    keyId: key.keyId,
    ...(key.kind === 'writer' && { writer: key.writer }),
    pem: key.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }))
  return `${JSON.stringify(entries, null, 1)}\n`
}

function writerKeys(writer: string, pems: readonly string[]): JournalKey[] {
  return pems.map((pem) => {
    const publicKey = createPublicKey(pem)
    return { kind: 'writer', keyId: keyThumbprint(publicKey), writer, publicKey }
  })
}

function tenant(tenantId: string): TenantId {
  if (isId('tenant', tenantId)) return tenantId
  throw new Fault('not-found')
}
