// Answers between letting pass and cutting: what a lease or a policy asks of a person or of a request, and whether this
// one meets it. Must never count something as met because nobody can see it: what is not seen is not read-only.
import { isId } from '#core/ids.ts'
import type { Decision, Obligation } from '#core/policy/decide.ts'
import type { ContainmentRecord } from '#core/records/containment.ts'
import type { SessionRecord } from '#core/records/records.ts'
import { caps } from '#exchange/caps.ts'
import type { Access } from '#exchange/decide.ts'

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const MINUTE_MS = 60_000
/** The value that a lease's obligation has: met by proof that is younger than this moment. */
const SINCE = 'since:'

/** The decision with what leases in force ask for on top of policy. */
export function withAnswers(decision: Decision, leases: Iterable<ContainmentRecord>): Decision {
  if (decision.kind === 'deny') return decision
  const asked: Obligation[] = []
  for (const { answer, id, createdAtMs } of leases) {
    const policy = { id, name: 'containment', line: null }
    if (answer === 'ask') {
      asked.push({ name: 'ask', value: `${SINCE}${createdAtMs}:${createdAtMs + caps.askGraceMs.default}`, policy })
    } else if (answer === 'step-up') asked.push({ name: 'stepUp', value: `${SINCE}${createdAtMs}`, policy })
    else if (answer === 'restrict') {
      asked.push({ name: 'readOnly', value: 'true', policy }, { name: 'noDownload', value: 'true', policy })
    }
  }
  return asked.length === 0 ? decision : { ...decision, obligations: [...decision.obligations, ...asked] }
}

/** When a question that is still open stops what goes on until then. */
export function answerDeadlines(
  leases: Iterable<ContainmentRecord>,
  session: SessionRecord | undefined,
): readonly number[] {
  const ends: number[] = []
  for (const { answer, createdAtMs } of leases)
    if (answer === 'ask' && provedAtMs(session) < createdAtMs) ends.push(createdAtMs + caps.askGraceMs.default)
  return ends
}

/** `@ask("60")`: confirmed within so many minutes. */
export function isConfirmed({ value, policy }: Obligation, session: SessionRecord | undefined, nowMs: number): boolean {
  const lease = leaseTimes(value, policy)
  if (lease !== undefined) return provedAtMs(session) >= lease.sinceMs || nowMs < lease.untilMs
  const minutes = /^\d{1,5}$/.test(value) ? Number(value) : caps.confirmedMinutes.default
  return session?.confirmedAtMs !== undefined && nowMs - session.confirmedAtMs < minutes * MINUTE_MS
}

/** `@stepUp("hwk")`: the session was begun with that factor; without a name, with more than one. */
export function isSteppedUp({ value, policy }: Obligation, session: SessionRecord | undefined): boolean {
  const lease = leaseTimes(value, policy)
  if (lease !== undefined) return provedAtMs(session) >= lease.sinceMs
  return session?.factors.includes(stepUpFactor(value)) === true
}

export function stepUpFactor(value: string): string {
  return value === 'true' || value.startsWith(SINCE) ? 'mfa' : value
}

/** Whether the exchange sees each request by itself, so that it can hold it to anything. */
export function isSeen({ http, isUpgrade }: Access): boolean {
  return http !== null && isUpgrade !== true
}

export function isReading(access: Access): boolean {
  const { http, destination } = access
  return isSeen(access) && destination?.action !== 'upload' && SAFE_METHODS.has(http?.method ?? '')
}

/** Whether answers are held to a page's worth. */
export function forbidsDownloads(decision: Decision): boolean {
  return decision.kind === 'allow' && decision.obligations.some(({ name }) => name === 'noDownload')
}

/** When the person last proved with more than one factor, or with another one, who they are. */
function provedAtMs(session: SessionRecord | undefined): number {
  if (session === undefined) return 0
  const begun = session.factors.includes('mfa') ? session.createdAtMs : 0
  return Math.max(begun, session.confirmedAtMs ?? 0)
}

/** Only of a lease: a policy that says the same words has said nothing. */
function leaseTimes(
  value: string,
  { id }: Obligation['policy'],
): { readonly sinceMs: number; readonly untilMs: number } | undefined {
  if (!value.startsWith(SINCE) || !isId('containment', id)) return undefined
  const [since, until] = value.slice(SINCE.length).split(':')
  return { sinceMs: Number(since), untilMs: until === undefined ? 0 : Number(until) }
}
