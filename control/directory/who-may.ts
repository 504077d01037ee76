// Decides for one person and many apps, or one app and many people, page by page. Must never decide more often in one
// request than the cap says: a page may then hold less, and says where to go on.
import { Fault } from '#core/fault.ts'
import type { AppRecord } from '#core/records/app.ts'
import type { UserRecord } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import type { TenantMirror } from '#control/records/mirror.ts'
import type { DecisionView } from '#control/sign-in-seam.ts'
import { decideFor, decisionView } from './decide-for.ts'

type Question = {
  readonly limit?: number | undefined
  readonly after?: string | undefined
  readonly search?: string | undefined
  readonly posture?: number | undefined
  readonly decision?: 'allow' | 'deny' | undefined
}
type Named = { readonly name: string; readonly displayName: string }
type Page<T> = { readonly items: (T & { readonly decision: DecisionView })[]; readonly next: string | null }

const defaultLimit = 50

/** In order of names, from the one after `after`; how many decisions are made is bounded. */
function decidePage<R extends Named, T>(
  records: readonly R[],
  { limit = defaultLimit, after, search, decision: wanted }: Question,
  decide: (record: R) => DecisionView,
  view: (record: R) => T,
): Page<T> {
  const items: (T & { readonly decision: DecisionView })[] = []
  const words = search?.toLowerCase()
  let made = 0
  let last: string | null = null
  for (const record of records.slice(after === undefined ? 0 : firstAfter(records, after))) {
    if (items.length >= limit || made >= caps.whoMayDecisions.default) return { items, next: last }
    last = record.name
    if (words !== undefined && !`${record.name} ${record.displayName}`.toLowerCase().includes(words)) continue
    made++
    const decision = decide(record)
    if (wanted === undefined || decision.decision === wanted) items.push({ ...view(record), decision })
  }
  return { items, next: null }
}

function firstAfter(records: readonly Named[], name: string): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((records[middle]?.name ?? '') <= name) low = middle + 1
    else high = middle
  }
  return low
}

const sorted = new WeakMap<
  TenantMirror,
  { readonly version: number; readonly users: readonly UserRecord[]; readonly apps: readonly AppRecord[] }
>()

/** By name, worked out once for each version of the directory. */
function inOrder(mirror: TenantMirror) {
  const known = sorted.get(mirror)
  if (known?.version === mirror.directoryVersion) return known
  const byName = <T extends { readonly name: string }>(records: Iterable<T>) =>
    [...records].sort((a, b) => (a.name < b.name ? -1 : 1))
  const made = {
    version: mirror.directoryVersion,
    users: byName(mirror.all('user')),
    apps: byName(mirror.all('app')),
  }
  sorted.set(mirror, made)
  return made
}

function factsOf(user: UserRecord, app: AppRecord, posture: number | undefined, atMs: number) {
  const level = ([0, 1, 2] as const).find((one) => one === posture)
  const device = level === undefined ? null : { id: 'explain', posture: level, os: 'unknown' }
  return {
    user,
    app,
    door: device === null ? ('browser' as const) : ('agent' as const),
    factors: [],
    ageSeconds: 0,
    device,
    ip: '127.0.0.1',
    atMs,
    http: { method: 'GET', path: '/', host: app.browserHost ?? app.name },
  }
}

/** Throws Fault `not-found`. */
export function appsOf(mirror: TenantMirror, userName: string, question: Question, atMs: number) {
  const user = mirror.byName('user', userName)
  if (!user) throw new Fault('not-found')
  return decidePage(
    inOrder(mirror).apps,
    question,
    (app) => decisionView(decideFor(mirror, factsOf(user, app, question.posture, atMs))),
    ({ name, displayName, appKind }) => ({ name, displayName, kind: appKind }),
  )
}

/** Throws Fault `not-found`. */
export function peopleOf(mirror: TenantMirror, appName: string, question: Question, atMs: number) {
  const app = mirror.byName('app', appName)
  if (!app) throw new Fault('not-found')
  return decidePage(
    inOrder(mirror).users,
    question,
    (user) => decisionView(decideFor(mirror, factsOf(user, app, question.posture, atMs))),
    ({ name, displayName, organisationId }) => ({
      name,
      displayName,
      organisation: organisationId === null ? null : (mirror.get('organisation', organisationId)?.name ?? ''),
    }),
  )
}
