// After the last kill: what was acknowledged is there, nothing is there by halves, the journal knows every effect, and
// its chains verify. Returns every violation in words; an empty list is the proof.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type ApiClient, apiClient } from '#cli/api-client.ts'
import { isFault } from '#core/fault.ts'
import { program } from '#e2e/programs.ts'
import type { JournalReport } from '#journal/verify.ts'
import { members, tripleDocuments } from './changes.ts'
import type { Installation } from './install.ts'
import type { Ledger, Value } from './ledger.ts'
import { sallyport } from './part.ts'
import { visit } from './traffic.ts'

const SHIPPING_DEADLINE_MS = 60_000
const REQUEST_DEADLINE_MS = 20_000

export async function checkState(world: Installation, ledger: Ledger): Promise<readonly string[]> {
  const api = world.api.public
  const wrong: string[] = []
  const groups = await displayNames(api, 'groups')
  const users = await displayNames(api, 'users')
  const apps = await displayNames(api, 'apps')

  for (const [name, value] of ledger.groups) {
    const now = groups.get(name) ?? null
    if (!isPossible(value, now)) wrong.push(`group ${name} is ${String(now)}, ${expectation(value)}`)
  }
  for (const [set, value] of ledger.sets) {
    const found = new Set(members(set).map((name) => groups.get(name) ?? null))
    const [now = null] = found
    if (found.size !== 1) wrong.push(`set ${set} is half applied: ${[...found].join(', ')}`)
    else if (!isPossible(value, now)) wrong.push(`set ${set} is ${String(now)}, ${expectation(value)}`)
  }
  for (const [name, state] of ledger.triples) {
    const there = [groups, users, apps].filter((kind) => kind.has(name)).length
    if (there !== 0 && there !== tripleDocuments(name).length) wrong.push(`triple ${name} is half applied: ${there}`)
    if (state === 'acknowledged' && there === 0) wrong.push(`triple ${name} is lost`)
  }
  for (const [name, { made, state }] of ledger.tokens) {
    if (state === 'unknown') continue
    const works = await isAccepted(apiClient({ ...api.profile, token: made.secret }))
    if (works !== (state === 'live')) wrong.push(`API token ${name} ${works ? 'still works' : 'is lost'}`)
  }
  const enrolment = new Set<string>()
  for await (const { id } of pages((after) => api.call('listEnrolmentTokens', { query: query(after) })))
    enrolment.add(id)
  for (const [id, state] of ledger.enrolmentTokens)
    if (state !== 'unknown' && enrolment.has(id) !== (state === 'live')) wrong.push(`enrolment token ${id}: ${state}`)
  const sessions = new Set<string>()
  for await (const { id } of pages((after) => api.call('listSessions', { query: query(after) }))) sessions.add(id)
  for (const [id, { made, state }] of ledger.sessions) {
    if (state === 'unknown') continue
    if (sessions.has(id) !== (state === 'live')) wrong.push(`session ${id} of ${made.user} should be ${state}`)
    const path = `/after/${id.replaceAll('_', '-')}`
    const { status } = await visit(world, made, 'GET', path, AbortSignal.timeout(REQUEST_DEADLINE_MS))
    if ((status === 200) !== (state === 'live')) wrong.push(`cookie of session ${id}, which is ${state}: ${status}`)
  }
  return wrong
}

function isPossible(value: Value, now: string | null): boolean {
  return now === (value.acknowledged ?? null) || value.unknown.includes(now)
}

function expectation({ acknowledged, unknown }: Value): string {
  return `acknowledged ${String(acknowledged)}, unanswered ${unknown.map(String).join(', ')}`
}

async function displayNames(api: ApiClient, plural: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for await (const { name, spec } of pages((after) =>
    api.call('listResources', { params: { plural }, query: query(after) }),
  ))
    found.set(name, String(spec['displayName'] ?? ''))
  return found
}

const query = (after: string | null) => ({ limit: 1000, ...(after !== null && { after }) })

async function* pages<T>(
  read: (after: string | null) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): AsyncGenerator<T> {
  let after: string | null = null
  do {
    const page: { readonly items: readonly T[]; readonly next: string | null } = await read(after)
    yield* page.items
    after = page.next
  } while (after !== null)
}

async function isAccepted(api: ApiClient): Promise<boolean> {
  try {
    await api.call('listSessions', { query: { limit: 1 } })
    return true
  } catch (error) {
    if (isFault(error, 'token-invalid') || isFault(error, 'not-signed-in')) return false
    throw error
  }
}

type Known = {
  /** `METHOD /path` and host names that were allowed. */
  readonly decided: ReadonlySet<string>
  /** `operation target` → how many. */
  readonly acts: ReadonlyMap<string, number>
  readonly signedIn: ReadonlySet<string>
  readonly events: number
}

/** Waits until what exchanges ship has arrived, then names what the journal of control does not know. */
export async function checkEvents(
  world: Installation,
  ledger: Ledger,
  arrived: ReadonlyMap<string, number>,
): Promise<{ readonly wrong: readonly string[]; readonly events: number }> {
  const end = Date.now() + SHIPPING_DEADLINE_MS
  for (;;) {
    const known = await readEventsOf(world)
    const wrong = missing(ledger, arrived, known)
    if (wrong.length === 0 || Date.now() > end) return { wrong, events: known.events }
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

function missing(ledger: Ledger, arrived: ReadonlyMap<string, number>, known: Known): readonly string[] {
  const wrong: string[] = []
  // What reached the app is an effect, whether or not an answer came back.
  for (const what of new Set([...arrived.keys(), ...ledger.requests]))
    if (!known.decided.has(what)) wrong.push(`no decision in the journal: ${what}`)
  for (const host of ledger.flows) if (!known.decided.has(host)) wrong.push(`no decision in the journal: ${host}`)
  for (const id of ledger.sessions.keys()) if (!known.signedIn.has(id)) wrong.push(`no sign-in in the journal: ${id}`)
  const expected = new Map<string, number>()
  for (const { operation, target } of ledger.acts)
    expected.set(`${operation} ${target}`, (expected.get(`${operation} ${target}`) ?? 0) + 1)
  for (const [act, times] of expected) {
    const found = known.acts.get(act) ?? 0
    if (found < times) wrong.push(`${act} was acknowledged ${times} times, the journal has ${found}`)
  }
  for (const what of ledger.requests)
    if (!arrived.has(what)) wrong.push(`answered, but never arrived at the app: ${what}`)
  for (const [what, times] of arrived)
    if (what.startsWith('POST ') && times > 1) wrong.push(`sent ${times} times to the app: ${what}`)
  return wrong
}

type StoredEvent = {
  readonly class_uid: number
  readonly action_id?: number
  readonly status_id?: number
  readonly api?: { readonly operation: string }
  readonly resources?: readonly { readonly name: string }[]
  readonly http_request?: { readonly http_method: string; readonly url: { readonly path: string } }
  readonly dst_endpoint?: { readonly hostname?: string }
  readonly actor?: { readonly session?: { readonly uid: string } }
}

async function readEventsOf(world: Installation): Promise<Known> {
  const decided = new Set<string>()
  const acts = new Map<string, number>()
  const signedIn = new Set<string>()
  let events = 0
  const folder = join(world.controlJournal, world.seed.tenantId)
  for (const file of await readdir(folder, { recursive: true })) {
    if (!file.endsWith('.jsonl') || file.endsWith('tombstones.jsonl')) continue
    const lines = (await readFile(join(folder, file), 'utf8')).split('\n')
    // The last is empty, or not yet finished.
    for (const line of lines.slice(0, -1)) {
      events++
      const [, , , event] = JSON.parse(line) as [number, number, string, StoredEvent]
      const isAllowed = event.action_id === 1
      const { http_request: http, dst_endpoint: destination, api } = event
      if (event.class_uid === 4002 && isAllowed && http) decided.add(`${http.http_method} ${http.url.path}`)
      if (event.class_uid === 3003 && isAllowed && destination?.hostname) decided.add(destination.hostname)
      if (event.class_uid === 3002 && event.status_id === 1) signedIn.add(event.actor?.session?.uid ?? '')
      if (event.class_uid === 6003 && event.status_id === 1 && api) {
        const act = `${api.operation} ${event.resources?.[0]?.name ?? ''}`
        acts.set(act, (acts.get(act) ?? 0) + 1)
      }
    }
  }
  return { decided, acts, signedIn, events }
}

export type JournalSummary = {
  readonly wrong: readonly string[]
  readonly chains: number
  readonly records: number
  readonly tornFiles: number
}

/** Every chain of the journals of control and exchange, as an auditor verifies them. Call it when both have ended. */
export async function checkJournals(world: Installation): Promise<JournalSummary> {
  const wrong: string[] = []
  let [chains, records, tornFiles] = [0, 0, 0]
  const keys = join(world.controlJournal, 'keys.json')
  for (const root of [world.controlJournal, join(world.exchangeState, 'journal')]) {
    const args = sallyport(['journal', 'verify', root, '--json'], { keys })
    const { out, err } = await program(process.execPath, args)
    if (!out.startsWith('{')) throw new Error(`sallyport journal verify: ${err}`)
    const report = JSON.parse(out) as JournalReport
    if (report.chains.length === 0) wrong.push(`no journal in ${root}`)
    for (const chain of report.chains) {
      chains++
      records += chain.records
      tornFiles += chain.tornFiles
      // A chain that had to begin again would mean that a crash looked like damage.
      if (/\.\d+$/.test(chain.writer)) wrong.push(`${chain.writer} is a later epoch`)
      for (const { kind, sequence, detail } of chain.problems)
        wrong.push(`${chain.tenant}/${chain.writer} at ${sequence}: ${kind}: ${detail}`)
    }
  }
  return { wrong, chains, records, tornFiles }
}
