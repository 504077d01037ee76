// Watches each client's DNS for an hour at a time: names made by a program (bursts of look-ups that fail, letters that read
// like chance) and data carried out in names (many unique labels of high entropy below one domain). State is bounded, names
// are not kept beyond a few examples. Must never block by itself: it returns findings, policy decides.
import { parse } from 'tldts'
import { entropyOf } from '#inspection/phishing/features.ts'
import type { NameModel } from '#inspection/phishing/name-model.ts'
import { dnsCaps, dnsLimits } from './caps.ts'
import { quietDomains } from './quiet-domains.ts'
import { UniqueCount } from './unique-count.ts'

export type DnsObservation = {
  /** Whoever asks: a device id, or an address. */
  readonly client: string
  readonly name: string
  /** `A`, `TXT` … as the record type is written. */
  readonly type: string
  /** `failed`: the name does not exist (NXDOMAIN). Other errors are the resolver's trouble, not the name's. */
  readonly outcome: 'answered' | 'failed' | 'error'
  readonly answerBytes: number
}
export type DnsFinding = {
  readonly kind: 'name-generator' | 'tunnel'
  readonly client: string
  /** The domain of a tunnel; '' for a name generator. */
  readonly domain: string
  /** 0 … 1, higher is worse. */
  readonly confidence: number
  readonly reason: string
  readonly examples: readonly string[]
  readonly windowStartMs: number
}
export type DnsWatchDeps = {
  readonly names: NameModel
  readonly nowMs: () => number
  /** Secret of this process. */
  readonly seed: number
  /** Domains of the tenant that carry data in names on purpose (mail reputation, own tools). */
  readonly trusted?: readonly string[]
}

type Domain = {
  asked: number
  unique: UniqueCount
  uniqueSeen: number
  entropySum: number
  carriedBytes: number
  dataAnswerBytes: number
  readonly examples: string[]
  isReported: boolean
}
type Client = {
  startMs: number
  failed: UniqueCount
  failedNames: number
  randomNames: number
  readonly topLevels: Set<string>
  readonly examples: string[]
  reportedAt: number
  readonly domains: Map<string, Domain>
}

/** Record types whose answers can carry data of any kind. */
const dataTypes = new Set(['TXT', 'NULL', 'CNAME', 'MX', 'SRV', 'KEY', 'PRIVATE', 'NAPTR', 'CAA', 'SVCB', 'HTTPS'])

export class DnsWatch {
  readonly #clients = new Map<string, Client>()
  readonly #deps: DnsWatchDeps
  readonly #trusted: ReadonlySet<string>

  constructor(deps: DnsWatchDeps) {
    this.#deps = deps
    this.#trusted = new Set([...quietDomains, ...(deps.trusted ?? [])])
  }

  get clients(): number {
    return this.#clients.size
  }

  /** At most one finding for one question; each finding once a window and subject, a name generator again when it doubles. */
  observe(seen: DnsObservation): DnsFinding | null {
    const name = seen.name.slice(0, dnsCaps.maxNameChars).toLowerCase().replace(/\.$/, '')
    const { domain, publicSuffix, isIp } = parse(name, {
      allowPrivateDomains: true,
      extractHostname: false,
      validateHostname: false,
    })
    if (domain === null || isIp === true || publicSuffix === 'arpa') return null
    const client = this.#client(seen.client)
    return this.#failed(client, seen, domain, publicSuffix ?? '') ?? this.#carried(client, seen, name, domain)
  }

  #client(id: string): Client {
    const nowMs = this.#deps.nowMs()
    let client = this.#clients.get(id)
    if (client !== undefined) {
      // Moved to the end: the map is in order of last use.
      this.#clients.delete(id)
      if (nowMs - client.startMs >= dnsCaps.windowMs || nowMs < client.startMs) client = undefined
    }
    if (client === undefined) {
      const failed = new UniqueCount(this.#deps.seed)
      client = {
        startMs: nowMs,
        failed,
        failedNames: 0,
        randomNames: 0,
        topLevels: new Set(),
        examples: [],
        reportedAt: 0,
        domains: new Map(),
      }
    }
    this.#clients.set(id, client)
    if (this.#clients.size > dnsCaps.maxClients) {
      const [oldest] = this.#clients.keys()
      if (oldest !== undefined) this.#clients.delete(oldest)
    }
    return client
  }

  #failed(client: Client, seen: DnsObservation, domain: string, suffix: string): DnsFinding | null {
    // Counted by registered name: a search list that appends one suffix to everything is one name, not hundreds.
    if (seen.outcome !== 'failed' || this.#trusted.has(domain) || !client.failed.add(domain)) return null
    client.failedNames++
    if (client.topLevels.size < 50) client.topLevels.add(suffix)
    const label = domain.slice(0, domain.length - suffix.length - 1)
    if (label.length >= 7 && this.#deps.names.score(label).meanBits >= dnsLimits.randomBits) {
      client.randomNames++
      if (client.examples.length < dnsCaps.maxExamples) client.examples.push(domain)
    }
    const { failedNames, randomNames } = client
    const share = randomNames / failedNames
    const isRandom = failedNames >= dnsLimits.failedNames && share >= dnsLimits.randomShare
    if (!isRandom && failedNames < dnsLimits.failedNamesAnyLetters) return null
    if (client.reportedAt > 0 && failedNames < 2 * client.reportedAt) return null
    client.reportedAt = failedNames
    const letters = isRandom
      ? `, ${randomNames} of them read like random letters`
      : ', more than people or programs mistype'
    return {
      kind: 'name-generator',
      client: seen.client,
      domain: '',
      confidence: isRandom ? Math.min(0.99, 0.6 + share * 0.2 + Math.min(0.19, failedNames / 500)) : 0.5,
      reason: `${failedNames} registered names that do not exist were asked for within the hour${letters}, under ${client.topLevels.size} suffixes.`,
      examples: client.examples.length > 0 ? [...client.examples] : [domain],
      windowStartMs: client.startMs,
    }
  }

  #carried(client: Client, seen: DnsObservation, name: string, registrable: string): DnsFinding | null {
    const left = name.slice(0, Math.max(0, name.length - registrable.length - 1))
    if (this.#trusted.has(registrable)) return null
    const domain = this.#domain(client, registrable)
    domain.asked++
    if (dataTypes.has(seen.type)) domain.dataAnswerBytes += Math.max(0, Math.min(65_535, seen.answerBytes))
    if (left !== '' && domain.unique.add(left)) {
      const letters = left.replaceAll('.', '')
      const entropy = entropyOf(letters)
      domain.uniqueSeen++
      domain.entropySum += entropy
      domain.carriedBytes += (letters.length * Math.min(5, entropy)) / 8
      if (domain.examples.length < dnsCaps.maxExamples) domain.examples.push(name.slice(0, 100))
    }
    if (domain.isReported) return null
    const unique = domain.unique.estimate
    // The counter misses some at large numbers: carried bytes grow with the estimate.
    const carried = domain.uniqueSeen === 0 ? 0 : (domain.carriedBytes * unique) / domain.uniqueSeen
    const entropy = domain.uniqueSeen === 0 ? 0 : domain.entropySum / domain.uniqueSeen
    const isOut = carried >= dnsLimits.carriedBytes
    const isIn = domain.dataAnswerBytes >= dnsLimits.answeredBytes
    const isTunnel =
      unique >= dnsLimits.uniqueLabels &&
      unique >= dnsLimits.uniqueShare * domain.asked &&
      entropy >= dnsLimits.labelEntropy &&
      (isOut || isIn)
    if (!isTunnel) return null
    domain.isReported = true
    const inwards = isIn
      ? `, ${Math.round(domain.dataAnswerBytes / 1024)} KB came back in answers that can carry data`
      : ''
    return {
      kind: 'tunnel',
      client: seen.client,
      domain: registrable,
      confidence: Math.min(
        0.99,
        0.6 +
          Math.min(0.2, unique / 2000) +
          Math.min(0.1, (entropy - dnsLimits.labelEntropy) / 10) +
          (isOut && isIn ? 0.09 : 0),
      ),
      reason: `${unique} different names below ${registrable} within the hour, ${entropy.toFixed(1)} bits a character; they could have carried ${Math.round(carried / 1024)} KB out${inwards}.`,
      examples: [...domain.examples],
      windowStartMs: client.startMs,
    }
  }

  #domain(client: Client, registrable: string): Domain {
    let domain = client.domains.get(registrable)
    if (domain !== undefined) return domain
    if (client.domains.size >= dnsCaps.maxDomainsPerClient) {
      let [least, leastAsked] = ['', Infinity]
      for (const [name, { asked }] of client.domains) if (asked < leastAsked) [least, leastAsked] = [name, asked]
      client.domains.delete(least)
    }
    domain = {
      asked: 0,
      unique: new UniqueCount(this.#deps.seed),
      uniqueSeen: 0,
      entropySum: 0,
      carriedBytes: 0,
      dataAnswerBytes: 0,
      examples: [],
      isReported: false,
    }
    client.domains.set(registrable, domain)
    return domain
  }
}
