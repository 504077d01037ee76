// Load: changes through the API, and what was acknowledged of them. A name whose last change has no known outcome is
// never written again, so that a late arrival cannot be mistaken for a loss.
import { isFault } from '#core/fault.ts'
import type { ApiClient } from '#cli/api-client.ts'
import type { Chance } from './chance.ts'
import type { Installation } from './install.ts'
import type { Ledger, Value } from './ledger.ts'

/** What a client gets when a part is down; anything else is a wrong answer to a right request. */
const outages = ['control-unreachable', 'closing', 'request-timeout', 'store-failed', 'at-capacity'] as const
const CHANGE_DEADLINE_MS = 15_000
const MEMBERS = 8

export function isOutage(error: unknown): boolean {
  if (outages.some((code) => isFault(error, code))) return true
  const name = error instanceof Error ? `${error.name} ${'code' in error ? String(error.code) : ''}` : ''
  return /AbortError|TimeoutError|ECONN|EPIPE|EPROTO|aborted/.test(name) || error instanceof SyntaxError
}

export type Changer = () => Promise<void>

/** One worker: call it again and again. */
export function createChanger(prefix: string, world: Installation, ledger: Ledger, chance: Chance): Changer {
  let made = 0
  const name = (kind: string) => `${kind}-${prefix}-${made++}`
  const steady: { readonly group: string; readonly value: Value }[] = []
  const sets: { readonly set: string; readonly value: Value }[] = []

  return async () => {
    const api = chance.pick([world.api.public, world.api.direct])
    const deadline = AbortSignal.timeout(CHANGE_DEADLINE_MS)
    await chance.pick([group, group, set, set, triple, apiToken, enrolmentToken, session])(api, deadline)
  }

  async function attempt(work: () => Promise<void>, onUnknown: () => void): Promise<void> {
    const startedAtMs = Date.now()
    try {
      await work()
      ledger.began('api', startedAtMs)
    } catch (error) {
      onUnknown()
      const why = isFault(error) ? error.code : error instanceof Error ? error.message : String(error)
      ledger.lost('api', why)
      if (!isOutage(error)) ledger.surprise(`api: ${why}: ${error instanceof Error ? error.message : ''}`)
    }
  }

  /** Makes, renames or deletes a group by itself. */
  async function group(api: ApiClient, signal: AbortSignal): Promise<void> {
    if (steady.length < 20) steady.push({ group: name('group'), value: { acknowledged: undefined, unknown: [] } })
    const at = chance.between(0, steady.length - 1)
    const one = steady[at]
    if (one === undefined) return
    const { group: groupName, value } = one
    ledger.groups.set(groupName, value)
    const isEnd = typeof value.acknowledged === 'string' && chance.next() < 0.15
    const next = isEnd ? null : `version ${made++}`
    const params = { plural: 'groups', name: groupName }
    await attempt(
      async () => {
        if (next === null) await api.call('deleteResource', { params, signal })
        else await api.call('putResource', { params, body: { spec: { displayName: next } }, signal })
        value.acknowledged = next
        if (next === null) steady.splice(at, 1)
        ledger.acts.push({ operation: next === null ? 'deleteResource' : 'putResource', target: groupName })
      },
      () => {
        value.unknown.push(next)
        steady.splice(at, 1)
      },
    )
  }

  /** Gives all groups of a set the same display name, in one apply. */
  async function set(api: ApiClient, signal: AbortSignal): Promise<void> {
    if (sets.length < 3) sets.push({ set: name('set'), value: { acknowledged: undefined, unknown: [] } })
    const at = chance.between(0, sets.length - 1)
    const one = sets[at]
    if (one === undefined) return
    ledger.sets.set(one.set, one.value)
    const stamp = `stamp ${made++}`
    await attempt(
      async () => {
        const documents = members(one.set).map((each) => ({ kind: 'Group', name: each, spec: { displayName: stamp } }))
        await api.call('apply', { body: { documents }, signal })
        one.value.acknowledged = stamp
        ledger.acts.push({ operation: 'apply', target: 'apply' })
      },
      () => {
        one.value.unknown.push(stamp)
        sets.splice(at, 1)
      },
    )
  }

  /** A group, a user in it and an app, in one apply. */
  async function triple(api: ApiClient, signal: AbortSignal): Promise<void> {
    const number = name('triple')
    ledger.triples.set(number, 'unknown')
    await attempt(
      async () => {
        await api.call('apply', { body: { documents: tripleDocuments(number), allowWidening: true }, signal })
        ledger.triples.set(number, 'acknowledged')
        ledger.acts.push({ operation: 'apply', target: 'apply' })
      },
      () => {},
    )
  }

  async function apiToken(api: ApiClient, signal: AbortSignal): Promise<void> {
    const live = [...ledger.tokens].filter(([key, { state }]) => key.startsWith(`token-${prefix}-`) && state === 'live')
    const [oldest] = live
    if (oldest !== undefined && live.length > 10) {
      const [tokenName, token] = oldest
      return await attempt(
        async () => {
          await api.call('deleteApiToken', { params: { id: token.made.id }, signal })
          token.state = 'gone'
          ledger.acts.push({ operation: 'deleteApiToken', target: tokenName })
        },
        () => (token.state = 'unknown'),
      )
    }
    const tokenName = name('token')
    await attempt(
      async () => {
        const body = { name: tokenName, role: 'auditor' as const, expiresInSeconds: 86_400 }
        const { id, token } = await api.call('createApiToken', { body, signal })
        ledger.tokens.set(tokenName, { made: { id, secret: token }, state: 'live' })
        ledger.acts.push({ operation: 'createApiToken', target: tokenName })
      },
      () => {},
    )
  }

  /** The answer names no id: the list of before and after does. One worker per installation makes them. */
  async function enrolmentToken(api: ApiClient, signal: AbortSignal): Promise<void> {
    if (prefix !== 'a') return
    const live = [...ledger.enrolmentTokens].filter(([, state]) => state === 'live')
    const [oldest] = live
    if (oldest !== undefined && live.length > 5) {
      const [id] = oldest
      return await attempt(
        async () => {
          await api.call('deleteEnrolmentToken', { params: { id }, signal })
          ledger.enrolmentTokens.set(id, 'gone')
          ledger.acts.push({ operation: 'deleteEnrolmentToken', target: id })
        },
        () => ledger.enrolmentTokens.set(id, 'unknown'),
      )
    }
    await attempt(
      async () => {
        await api.call('createEnrolmentToken', { body: { connectorGroup: 'office' }, signal })
        const { items } = await api.call('listEnrolmentTokens', { query: { limit: 1000 }, signal })
        const isNew = ({ id }: { readonly id: string }) => !ledger.enrolmentTokens.has(id)
        // One of an attempt without an answer may be among them: that it stays is right too.
        for (const { id } of items.filter(isNew)) ledger.enrolmentTokens.set(id, 'live')
      },
      () => {},
    )
  }

  async function session(api: ApiClient, signal: AbortSignal): Promise<void> {
    const live = [...ledger.sessions.values()].filter(({ state }) => state === 'live')
    const [oldest] = live
    if (oldest === undefined || live.length < 12) return
    // Before the call: another worker must not choose the same.
    oldest.state = 'unknown'
    const { sessionId } = oldest.made
    await attempt(
      async () => {
        await api.call('endSession', { params: { id: sessionId }, signal })
        oldest.state = 'gone'
        ledger.acts.push({ operation: 'endSession', target: sessionId })
      },
      () => {},
    )
  }
}

export const members = (set: string): readonly string[] => Array.from({ length: MEMBERS }, (_, at) => `${set}-of-${at}`)

export function tripleDocuments(name: string): object[] {
  return [
    { kind: 'Group', name, spec: { displayName: name } },
    { kind: 'User', name, spec: { groups: [name] } },
    {
      kind: 'App',
      name,
      spec: {
        kind: 'tcp',
        connectorGroup: 'office',
        names: [{ host: `${name}.acme.test`, ports: ['9'] }],
        upstream: { host: '127.0.0.1', port: 9 },
      },
    },
  ]
}
