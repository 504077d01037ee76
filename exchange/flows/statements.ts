// Control's signed word about a session, fetched when first needed and kept for half its life. Must never be handed out
// for another session, nor after the session is gone.
import * as wire from '#core/wire/grant.ts'
import { Fault, isFault } from '#core/fault.ts'
import type { KeyObject } from 'node:crypto'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from '#exchange/caps.ts'
import type { KeptStatements } from './kept-statements.ts'

export type StatementsDeps = {
  readonly ask: (tenantId: string, sessionId: string) => Promise<string>
  readonly keys: () => readonly KeyObject[]
  readonly now: () => number
  /** Those of an earlier run, for while control is away. */
  readonly kept?: KeptStatements
}

export type Statements = {
  readonly of: (tenantId: string, sessionId: string) => Promise<string>
  readonly forget: (tenantId: string, sessionId: string) => void
  readonly forgetTenant: (tenantId: string) => void
}

type Kept = { readonly token: string; readonly renewAtMs: number; readonly expiresAtMs: number }

/** A connector must still find it valid after the flow has travelled. */
const LEAST_LIFE_MS = 20_000

export function createStatements({ ask, keys, now, kept: disk }: StatementsDeps): Statements {
  const kept = new Map<string, Kept>()
  const asking = new Map<string, Promise<string>>()

  return {
    async of(tenantId, sessionId) {
      const key = `${tenantId} ${sessionId}`
      const known = kept.get(key)
      const nowMs = now()
      if (known !== undefined && known.renewAtMs > nowMs) return known.token
      const fetched = asking.get(key) ?? fetchInto(key, tenantId, sessionId)
      if (known === undefined || known.expiresAtMs - nowMs < LEAST_LIFE_MS) {
        return fetched.catch((error: unknown) => {
          const earlier = isFault(error, 'control-unreachable') ? ofEarlierRun(key, tenantId, sessionId) : undefined
          if (earlier === undefined) throw error
          return earlier
        })
      }
      // Past half its life but good: nobody waits for the next one, and control may be away for a moment.
      fetched.catch(() => {})
      return known.token
    },
    forget(tenantId, sessionId) {
      forgetKey(`${tenantId} ${sessionId}`)
      disk?.forget(`${tenantId} ${sessionId}`)
    },
    forgetTenant(tenantId) {
      for (const key of [...kept.keys(), ...asking.keys()]) if (key.startsWith(`${tenantId} `)) forgetKey(key)
    },
  }

  function fetchInto(key: string, tenantId: string, sessionId: string): Promise<string> {
    // What was forgotten while it was on its way is not kept when it comes.
    const isWanted = () => asking.get(key) === fetched
    const fetched: Promise<string> = fetchOne(key, tenantId, sessionId, () => isWanted()).finally(() => {
      if (isWanted()) asking.delete(key)
    })
    asking.set(key, fetched)
    return fetched
  }

  function forgetKey(key: string): void {
    kept.delete(key)
    asking.delete(key)
  }

  /** Throws Faults when control did not sign it, its time is over, or it speaks of another session. */
  function read(token: string, tenantId: string, sessionId: string): wire.Statement {
    const statement = wire.statement.parse(verifyToken(wire.STATEMENT_PURPOSE, token, keys(), { nowMs: now() }))
    if (statement.tenantId === tenantId && statement.sessionId === sessionId) return statement
    throw new Fault('wire-malformed', { detail: { why: 'a statement about another session' } })
  }

  function ofEarlierRun(key: string, tenantId: string, sessionId: string): string | undefined {
    const token = disk?.get(key)
    if (token === undefined) return undefined
    try {
      return read(token, tenantId, sessionId).expiresAtMs - now() < LEAST_LIFE_MS ? undefined : token
    } catch {
      disk?.forget(key)
      return undefined
    }
  }

  async function fetchOne(key: string, tenantId: string, sessionId: string, isWanted: () => boolean): Promise<string> {
    const token = await ask(tenantId, sessionId)
    const { issuedAtMs, expiresAtMs } = read(token, tenantId, sessionId)
    const renewAtMs = issuedAtMs + (expiresAtMs - issuedAtMs) * caps.statementsHalfLife.default
    if (!isWanted()) return token
    kept.delete(key)
    kept.set(key, { token, renewAtMs, expiresAtMs })
    disk?.put(key, token)
    const [oldest] = kept.keys()
    if (kept.size > caps.statements.default && oldest !== undefined) kept.delete(oldest)
    return token
  }
}
