// Who went on after a page that warned or asked for a reason: for one session, one site, one matter, and a time. Must
// never let a script press the button, nor let one person's "continue" serve another.
import { generateKeyPairSync } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { signToken, verifyToken } from '#transport/signed-token.ts'
import { caps } from './caps.ts'

export type GoOnFacts = {
  readonly sessionId: string
  readonly host: string
  readonly topic: string
  /** Where the person wanted to go: path and query on the same site. */
  readonly target: string
  readonly eventId: string
}

export type GoOns = {
  readonly tokenFor: (facts: GoOnFacts) => string
  /** Throws Fault `token-invalid`. */
  readonly read: (token: string, sessionId: string, host: string) => GoOnFacts
  readonly allow: (facts: GoOnFacts, untilMs: number) => void
  readonly isAllowed: (sessionId: string, host: string, topic: string) => boolean
}

const PURPOSE = 'web-continue'
const MAX_TARGET = 2_000

export function createGoOns(now: () => number): GoOns {
  // Of this process alone: a token is for the exchange that showed the page, and minutes old at most.
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const allowed = new Map<string, number>()

  return {
    tokenFor({ sessionId, host, topic, target, eventId }) {
      const kept = target.length <= MAX_TARGET && isOwnTarget(target) ? target : '/'
      const expiresAtMs = Math.trunc(now()) + caps.goOnTokens.default
      return signToken(PURPOSE, { sessionId, host, topic, target: kept, eventId, expiresAtMs }, privateKey)
    },
    read(token, sessionId, host) {
      const said = verifyToken(PURPOSE, token, [publicKey], { nowMs: now() }) as GoOnFacts
      if (said.sessionId !== sessionId || said.host !== host) throw new Fault('token-invalid')
      return said
    },
    allow({ sessionId, host, topic }, untilMs) {
      const key = keyOf(sessionId, host, topic)
      allowed.delete(key)
      allowed.set(key, untilMs)
      const [oldest] = allowed.keys()
      if (allowed.size > caps.goOns.default && oldest !== undefined) allowed.delete(oldest)
    },
    isAllowed(sessionId, host, topic) {
      const key = keyOf(sessionId, host, topic)
      const untilMs = allowed.get(key)
      if (untilMs === undefined) return false
      if (untilMs > now()) return true
      allowed.delete(key)
      return false
    },
  }
}

function keyOf(sessionId: string, host: string, topic: string): string {
  return `${sessionId} ${host} ${topic}`
}

/** A path of the same site: never `//elsewhere`, never a line break. */
function isOwnTarget(target: string): boolean {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(target)
}
