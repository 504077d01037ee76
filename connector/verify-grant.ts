// Decides whether an offered flow is meant for this connector, from the grant of the exchange and the statement of
// control inside it. Must never take a host, an app or a key from anywhere but the slice that control signed.
import { hash, type KeyObject } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { parsePortRange } from '#core/names.ts'
import { grant as grantSchema, GRANT_PURPOSE, type Grant } from '#core/wire/grant.ts'
import { statement as statementSchema, STATEMENT_PURPOSE, type Statement } from '#core/wire/grant.ts'
import { secretEquals } from '#transport/secret.ts'
import { verifyToken } from '#transport/signed-token.ts'
import { caps } from './caps.ts'
import type { NonceMemory } from './nonce-memory.ts'
import type { SliceApp, SliceInForce } from './slice.ts'

export type GrantContext = {
  readonly tenantId: string
  readonly connectorId: string
  /** Of the link on which the offer came: its exchange and the key in its certificate. */
  readonly exchangeId: string
  readonly exchangeKey: KeyObject
  readonly slice: SliceInForce | undefined
  readonly nonces: NonceMemory
  readonly nowMs: number
}

export type VerifiedGrant = {
  readonly grant: Grant
  readonly statement: Statement
  readonly app: SliceApp
  /** Port of the app to dial. */
  readonly port: number
}

/** Throws Fault `grant-refused`; which check failed is in its detail, for the log. */
export function verifyGrant(token: string, context: GrantContext): VerifiedGrant {
  const { slice, nowMs } = context
  if (slice === undefined) throw refuse('no slice from control yet')
  // Slices come through exchanges: one that keeps them back must not keep its own revocation back as well.
  if (nowMs - slice.slice.issuedAtMs > slice.slice.staleAfterSeconds * 1000) throw refuse('the slice is too old')
  if (slice.revokedExchanges.has(context.exchangeId)) throw refuse('exchange revoked')
  const grant = parseGrant(token, context)
  if (grant.tenantId !== context.tenantId) throw refuse('of another tenant')
  if (grant.connectorId !== context.connectorId) throw refuse('for another connector')
  if (grant.exchangeId !== context.exchangeId) throw refuse('of another exchange')
  if (grant.expiresAtMs > nowMs + caps.grantLifeMs.default) throw refuse('valid for too long')
  const statement = parseStatement(grant.statement, slice, nowMs)
  checkPerson(grant, statement, slice, nowMs)
  if (slice.keepsApart(statement.userId, grant.appId)) throw refuse('kept apart by control')
  const app = slice.apps.get(grant.appId)
  if (app === undefined || !app.enabled) throw refuse('for an app that is not ours')
  // An app whose traffic must be inspected is never sealed, whatever the exchange says.
  if (grant.peer.kind === 'device' && (app.appKind === 'http' || app.inspect)) throw refuse('sealed, must be inspected')
  const port = upstreamPort(app, grant.port)
  const isFresh = context.nonces.use(grant.nonce, grant.expiresAtMs, nowMs)
  if (isFresh === undefined) throw refuse('no room for nonces')
  if (!isFresh) throw refuse('used before')
  return { grant, statement, app, port }
}

function parseGrant(token: string, { exchangeKey, nowMs }: GrantContext): Grant {
  const parsed = grantSchema.safeParse(verified(GRANT_PURPOSE, token, [exchangeKey], nowMs))
  if (!parsed.success) throw refuse('form of the grant')
  return parsed.data
}

function parseStatement(token: string, slice: SliceInForce, nowMs: number): Statement {
  const statements = known.getOrInsertComputed(slice, () => new Map<string, Statement>())
  const name = hash('sha256', token, 'base64url')
  const before = statements.get(name)
  // Authentic by the same bytes and the same keys; the time is asked again.
  if (before !== undefined && before.expiresAtMs > nowMs) return before
  const parsed = statementSchema.safeParse(verified(STATEMENT_PURPOSE, token, slice.statementKeys, nowMs))
  if (!parsed.success) throw refuse('form of the statement')
  statements.set(name, parsed.data)
  const [oldest] = statements.keys()
  if (statements.size > caps.statements.default && oldest !== undefined) statements.delete(oldest)
  return parsed.data
}

/**
 * Statements that control signed, by the hash of the whole token: one serves all flows of a session for minutes, and its
 * signature was 8 % of a connector that opened flows. Another slice may have other keys, and begins anew.
 */
const known = new WeakMap<SliceInForce, Map<string, Statement>>()

function verified(purpose: string, token: string, keys: readonly KeyObject[], nowMs: number): unknown {
  try {
    return verifyToken(purpose, token, keys, { nowMs })
  } catch (cause) {
    throw refuse(`${purpose} not authentic or expired`, cause)
  }
}

/** The person: their statement is of our tenant and now, not revoked, and names the device of the grant. */
function checkPerson(grant: Grant, statement: Statement, slice: SliceInForce, nowMs: number): void {
  if (statement.tenantId !== grant.tenantId) throw refuse('statement of another tenant')
  if (statement.issuedAtMs > nowMs + caps.clockSkewMs.default) throw refuse('statement from the future')
  if (statement.expiresAtMs - statement.issuedAtMs > caps.statementLifeMs.default)
    throw refuse('statement for too long')
  if (slice.revokedSessions.has(statement.sessionId)) throw refuse('session revoked')
  // More sessions have ended than a slice can name: what was said before is not believed about anybody.
  if (statement.issuedAtMs < (slice.slice.statementsSinceMs ?? 0)) throw refuse('statement too early')
  if (statement.deviceId !== null && slice.revokedDevices.has(statement.deviceId)) throw refuse('device revoked')
  if (grant.peer.kind === 'exchange') return
  const key = statement.deviceKeyThumbprint
  if (statement.deviceId === null || key === null) throw refuse('sealed, without a device')
  if (!secretEquals(key, grant.peer.keyThumbprint)) throw refuse('statement of another device')
}

/** The app's own port, or the one asked for where the app leaves it open and lists it. */
function upstreamPort(app: SliceApp, asked: number): number {
  if (app.upstream.port !== null) return app.upstream.port
  if (app.appKind === 'http') return app.upstream.tls === null ? 80 : 443
  const isListed = app.ports.some((text) => {
    const range = parsePortRange(text)
    return range !== null && asked >= range.first && asked <= range.last
  })
  if (!isListed) throw refuse('port not allowed')
  return asked
}

function refuse(why: string, cause?: unknown): Fault {
  return new Fault('grant-refused', { detail: { why }, ...(cause !== undefined && { cause }) })
}
