// Tests only: a lake beside a journal of realistic events. Must never be imported by anything but tests.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { journalEvent, type EventFacts } from '#core/events/event.ts'
import { newId, type TenantId } from '#core/ids.ts'
import type { AuthorizationFacts } from '#core/policy/decide.ts'
import { startJournal, type Journal } from '#journal/journal.ts'
import { newTestKey, type TestKey } from '#journal/testing.ts'
import { defaultCaps, type LakeCaps } from './caps.ts'
import { openDatabase, type Database } from './database.ts'
import type { Reading } from './query.ts'

export type TestLake = {
  readonly root: string
  readonly folder: string
  readonly journalRoot: string
  readonly database: Database
  readonly caps: LakeCaps
  readonly reading: Reading
} & AsyncDisposable

export const never = new AbortController().signal

export async function newTestLake(caps: Partial<LakeCaps> = {}): Promise<TestLake> {
  const root = await mkdtemp(join(tmpdir(), 'lake-'))
  const folder = join(root, 'lake')
  const journalRoot = join(root, 'journal')
  const all = { ...defaultCaps, maxMemoryBytes: 256 * 1024 * 1024, ...caps }
  const database = await openDatabase(folder, all)
  return {
    root,
    folder,
    journalRoot,
    database,
    caps: all,
    reading: { folder, journalRoot, caps: all, signal: never },
    [Symbol.asyncDispose]: async () => {
      await database.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

export const writerKey: TestKey = newTestKey('exc_one')

/** A journal of writer `exc_one` whose segments hold `segmentBytes`. */
export async function startTestWriter(
  lake: Pick<TestLake, 'journalRoot'>,
  segmentBytes = 4000,
  nowMs?: () => number,
): Promise<Journal> {
  return await startJournal(
    { root: lake.journalRoot, writer: 'exc_one', caps: { maxSegmentBytes: segmentBytes } },
    {
      signer: writerKey.signer,
      keys: [writerKey.key],
      report: (problem) => {
        throw new Error(`journal: ${problem.kind}`)
      },
      ...(nowMs && { nowMs }),
    },
  )
}

export const DAY_MS = 86_400_000
/** 24 November 2026, 00:00 UTC. */
export const START_MS = Date.UTC(2026, 10, 24)

export type TestDecision = {
  readonly n: number
  readonly tenant: TenantId
  readonly timeMs: number
  readonly user?: string
  readonly app?: string
  readonly kind?: 'allow' | 'deny'
  readonly inputs?: AuthorizationFacts | Readonly<Record<string, unknown>> | null
  readonly facts?: Partial<EventFacts>
}

/** An event of a decision as an exchange journals it. */
export function decisionEvent({
  n,
  tenant,
  timeMs,
  user = 'alice',
  app = 'wiki',
  kind = 'allow',
  ...rest
}: TestDecision) {
  const inputs = rest.inputs === undefined ? inputsFor(user, app, timeMs) : rest.inputs
  return journalEvent('http', 'get', {
    uid: `uid-${n}`,
    timeMs,
    tenantId: tenant,
    outcome: kind === 'allow' ? 'success' : 'failure',
    user: { uid: `usr_${user}`, name: user, org: user === 'carol' ? 'Contoso' : null },
    sessionId: `ses_${user}`,
    deviceId: `dev_${user}`,
    source: { ip: '192.0.2.7' },
    app: { uid: `app_${app}`, name: app },
    destination: { host: `${app}.acme.test`, port: 443 },
    exchangeId: 'exc_one',
    http: { method: 'GET', path: `/page/${n % 3}`, host: `${app}.acme.test` },
    decision: {
      kind,
      policies: kind === 'allow' ? [{ id: `pol_${app}`, name: `${app} for staff` }] : [],
      ...(kind === 'deny' && { reason: 'no-policy' }),
      ...(inputs !== null && { inputs: { ...inputs } }),
    },
    ...rest.facts,
  })
}

export function inputsFor(user: string, app: string, timeMs: number): AuthorizationFacts {
  const at = new Date(timeMs)
  return {
    user,
    action: 'request',
    resource: { kind: 'app', name: app },
    session: { factors: ['password', 'totp'], ageSeconds: 60, door: 'browser' },
    device: { id: `dev_${user}`, posture: 2, os: 'linux' },
    ip: '192.0.2.7',
    time: { nowMs: timeMs, hour: at.getUTCHours(), weekday: at.getUTCDay() || 7 },
    risk: 0,
    approved: false,
    http: { method: 'GET', path: '/', host: `${app}.acme.test` },
  }
}

export function newTenant(): TenantId {
  return newId('tenant')
}
