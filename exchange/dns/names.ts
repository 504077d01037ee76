// The way of one question: decide the name, ask, decide every alias, take out what nobody may have, write it down,
// answer. Must never answer with an address of a name that was not decided, nor before its event is written.
import { deny, type Allow, type Decision } from '#core/policy/decide.ts'
import { asFault, isFault } from '#core/fault.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import { decide, standing, type Access } from '#exchange/decide.ts'
import type { AddressSafety } from '#exchange/outbound/address-safety.ts'
import type { DnsWatcher } from '#exchange/outbound/content-tools.ts'
import { createShares } from '#exchange/outbound/shares.ts'
import type { WebAccess, WebAsker } from '#exchange/outbound/web-access.ts'
import type { AnswerCache } from './answer-cache.ts'
import { caps } from './caps.ts'
import { cleanAnswer, type CleanAnswer } from './clean-answer.ts'
import { IN, rcodes, readQuery, writeReply, type DnsRecord, type Query, type Reply } from './message.ts'
import { malformed } from './name.ts'
import { createNameLog, typeName } from './name-log.ts'

export type NamesDeps = {
  readonly context: ExchangeContext
  readonly access: WebAccess
  readonly safety: AddressSafety
  readonly cache: AnswerCache
  readonly watcher: () => DnsWatcher | undefined
}

export type Names = {
  /** Throws Faults `wire-malformed`, `at-capacity`. */
  readonly answer: (asker: WebAsker, message: Uint8Array) => Promise<NamesAnswer>
}

export type NamesAnswer = { readonly message: Uint8Array<ArrayBuffer>; readonly maxAgeSeconds: number }

type Outcome = Reply & {
  readonly decision: Decision
  readonly access: Access
  readonly aliases: readonly string[]
  readonly removed: readonly string[]
  readonly why?: string
}

const BLOCKED = 15
const NOT_SUPPORTED = 21
const NO_AUTHORITY = 22
const ANY = 255
const TRANSFERS: ReadonlySet<number> = new Set([251, 252, ANY])
const allowed: Allow = { kind: 'allow', policies: [], obligations: [], errors: [] }
/** RFC 6761, 6762, 7686, 8375, and the name by which a browser asks whether it should leave DNS to the system. */
const nobodys = /(^|\.)(localhost|local|internal|invalid|home\.arpa|onion)$|^use-application-dns\.net$/

export function createNames({ context, access, safety, cache, watcher }: NamesDeps): Names {
  const shares = createShares({ total: caps.queries.default, perOwner: caps.queriesPerSession.default }, 'names')
  const log = createNameLog(context)

  return {
    async answer(asker, bytes) {
      const query = readQuery(bytes)
      const free = shares.take(asker.session.id)
      try {
        return await answered(asker, query)
      } finally {
        free()
      }
    },
  }

  async function answered(asker: WebAsker, query: Query): Promise<NamesAnswer> {
    if (query.class !== IN || TRANSFERS.has(query.type)) {
      return replied(query, { rcode: rcodes.notImplemented, records: [], extended: { code: NOT_SUPPORTED, text: '' } })
    }
    const outcome = await outcomeOf(asker, query)
    const { decision } = log.write(asker, query, outcome)
    observe(asker, query, outcome)
    if (decision.kind === 'deny' && decision.reason === 'journal-full') {
      return replied(query, { rcode: rcodes.serverFailure, records: [] })
    }
    if (decision.kind === 'deny') context.count('denied')
    return replied(query, outcome)
  }

  async function outcomeOf(asker: WebAsker, query: Query): Promise<Outcome> {
    const { name, type } = query
    const first = decided(asker, name)
    const plain = { access: first.access, aliases: [], removed: [], records: [] }
    if (first.place === 'nobody') {
      const extended = { code: NOT_SUPPORTED, text: explained(asker, 'Not a name of the internet.') }
      const decision = deny('destination-refused')
      return { ...plain, decision, rcode: rcodes.noSuchName, extended, why: 'not-public' }
    }
    if (first.decision.kind === 'deny') return refused(asker, plain, first.decision, name)
    try {
      const isFree = first.place !== 'site'
      const { clean, rcode } = await chainOf(asker, name, type, isFree)
      const { aliases, removed } = clean
      for (const alias of aliases) {
        const next = decided(asker, alias)
        // A name of ours behind a stranger's alias would be reached under the stranger's name.
        const isOurs = next.place === 'own' || next.place === 'nobody'
        const decision = isOurs ? deny('destination-refused') : next.decision
        if (decision.kind === 'deny') {
          const found = { access: next.access, aliases, removed, records: [] }
          return refused(asker, found, decision, alias, name)
        }
      }
      const isAddress = clean.records.every(({ type: kept }) => kept !== type)
      if (removed.includes('address') && isAddress) {
        const found = { ...plain, aliases, removed }
        return refused(asker, found, deny('destination-refused'), name, undefined, 'private-address')
      }
      return { ...plain, decision: first.decision, rcode, records: clean.records, aliases, removed }
    } catch (error) {
      const fault = asFault(error)
      if (
        !isFault(fault, 'upstream-unreachable') &&
        !isFault(fault, 'wire-malformed') &&
        !isFault(fault, 'upstream-malformed')
      )
        throw fault
      context.log('a name was not answered', { code: fault.code, ...fault.detail })
      const extended = { code: NO_AUTHORITY, text: 'No resolver gave an answer that could be read.' }
      return { ...plain, decision: first.decision, rcode: rcodes.serverFailure, extended, why: fault.code }
    }
  }

  /** The whole chain, asked for again where a resolver stopped at an alias. */
  async function chainOf(
    { tenant }: WebAsker,
    first: string,
    type: number,
    mayBePrivate: boolean,
  ): Promise<{ readonly clean: CleanAnswer; readonly rcode: number }> {
    const records: DnsRecord[] = []
    const aliases: string[] = []
    const removed = new Set<string>()
    let name: string | undefined = first
    let rcode: number = rcodes.ok
    for (let asked = 0; name !== undefined; asked++) {
      const { answer, ageSeconds } = await cache.get(tenant.id, name, type)
      const isRefused = (address: string) => !mayBePrivate && safety.refusal(address) !== undefined
      const clean = cleanAnswer({ name, type }, answer.records, isRefused)
      for (const one of clean.records) {
        records.push({ ...one, ttl: Math.max(0, Math.min(one.ttl, caps.ttlSeconds.default) - ageSeconds) })
      }
      aliases.push(...clean.aliases)
      for (const what of clean.removed) removed.add(what)
      rcode = answer.rcode
      if (aliases.length > caps.chain.default || asked > caps.chain.default) throw malformed('a chain without end')
      name = answer.rcode === rcodes.ok && asked < 2 ? clean.openEnd : undefined
    }
    return { clean: { records, aliases, openEnd: undefined, removed: [...removed] }, rcode }
  }

  function decided(asker: WebAsker, name: string) {
    const { tenant, session, clientIp } = asker
    const app = tenant.appOfHost(name)
    if (app !== undefined) {
      const wanted: Access = {
        userId: session.userId,
        sessionId: session.id,
        deviceId: session.deviceId,
        appId: app.id,
        connectorId: null,
        clientIp,
        http: null,
      }
      const wall = standing(tenant, wanted, { nowMs: context.now() })
      return { place: 'app' as const, access: wanted, decision: wall === undefined ? allowed : deny(wall) }
    }
    const wanted = access.accessTo(asker, { host: name, port: 443 }, 'browse', null)
    if (isOwn(name)) return { place: 'own' as const, access: wanted, decision: allowed }
    if (!name.includes('.') || nobodys.test(name)) {
      return { place: 'nobody' as const, access: wanted, decision: deny('destination-refused') }
    }
    return { place: 'site' as const, access: wanted, decision: decide(tenant, wanted, { nowMs: context.now() }) }
  }

  function isOwn(name: string): boolean {
    const { domain, appsDomain } = context.directory.domains
    return [domain, appsDomain].some((own) => name === own || name.endsWith(`.${own}`))
  }

  function refused(
    asker: WebAsker,
    found: Pick<Outcome, 'access' | 'aliases' | 'removed' | 'records'>,
    decision: Extract<Decision, { kind: 'deny' }>,
    name: string,
    aliasOf?: string,
    why?: string,
  ): Outcome {
    const whose = aliasOf === undefined ? name : `${name}, which ${aliasOf} stands for,`
    const because =
      why === 'private-address'
        ? 'has no public address'
        : `is refused (${decision.reason})${policiesOf(asker, decision, found.access)}`
    const extended = { code: BLOCKED, text: explained(asker, `${whose} ${because}.`) }
    return { ...found, decision, rcode: rcodes.noSuchName, extended, ...(why !== undefined && { why }) }
  }

  function policiesOf({ tenant }: WebAsker, decision: Decision, { destination }: Access): string {
    if (tenant.record.explain !== 'full') return ''
    const names = decision.policies.map(({ name }) => name).slice(0, 3)
    const categories = (destination?.categories ?? []).slice(0, 3)
    return `${names.length > 0 ? ` by policy ${names.join(', ')}` : ''}${categories.length > 0 ? `; categories: ${categories.join(', ')}` : ''}`
  }

  function explained({ tenant }: WebAsker, text: string): string {
    return tenant.record.explain === 'none' ? '' : text
  }

  function observe(
    { tenant, session }: WebAsker,
    query: Query,
    { decision, access: wanted, rcode, records }: Outcome,
  ): void {
    const isAnswered = decision.kind === 'allow' && rcode === rcodes.ok
    const isMissing = decision.kind === 'allow' && rcode === rcodes.noSuchName
    const finding = watcher()?.observe({
      client: `${tenant.id} ${session.deviceId ?? session.id}`,
      name: query.name,
      type: typeName(query.type),
      outcome: isAnswered ? 'answered' : isMissing ? 'failed' : 'error',
      answerBytes: records.reduce((sum, { data }) => sum + data.length, 0),
    })
    if (finding === undefined || finding === null) return
    const { kind, domain, confidence, reason, examples } = finding
    context.journal.found(tenant, wanted, {
      what: reason,
      severity: confidence >= 0.8 ? 4 : 3,
      outcome: 'failure',
      web: { dns: kind, domain, confidence: Math.round(confidence * 100) / 100, examples },
    })
  }
}

function replied(query: Query, reply: Reply): NamesAnswer {
  const isKept = reply.records.length > 0 && reply.rcode === rcodes.ok
  const maxAgeSeconds = isKept ? Math.min(...reply.records.map(({ ttl }) => ttl)) : 0
  return { message: writeReply(query, reply), maxAgeSeconds }
}
