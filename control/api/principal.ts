// Who is asking: an API token, an access token from sign-in, or the console's cookie. Must never believe a claim that
// the store does not confirm now: sessions, users, roles and tenants are looked up on every request.
import { Fault } from '#core/fault.ts'
import { sha256, secretEquals } from '#transport/secret.ts'
import { toBase64url } from '#transport/base64url.ts'
import type { ControlContext } from '#control/context.ts'
import { requireUncontained, requireUncontainedNetwork, subjectsOfUser } from '#control/directory/containment.ts'
import { rolesOf } from '#control/directory/people.ts'
import { createSessions, userRow } from '#control/directory/sessions.ts'
import { specOf } from '#control/records/from-rows.ts'
import { readTenant } from '#control/records/load.ts'
import type { ConductorRight } from '#control/drill/conductor-tokens.ts'
import type { RoleName } from '#control/store/schema.ts'

export type Principal = {
  readonly tenantId: string
  readonly tenantName: string
  readonly tenantDisplayName: string
  readonly isProvider: boolean
  readonly userId: string
  readonly userName: string
  readonly displayName: string
  /** What the person may do with this proof: the role, and what it includes. */
  readonly roles: ReadonlySet<RoleName>
  readonly door: string
  readonly sessionId: string | null
  readonly expiresAtMs: number | null
}

export const API_TOKEN_PREFIX = 'sp_api'
const LAST_USED_STEP_MS = 60_000

/** How a secret is kept: only its hash, so that a stolen store reveals no token. */
export function hashSecret(secret: string): string {
  return toBase64url(sha256(secret))
}

/** Throws Fault `not-signed-in` or `token-invalid`; which look-up failed is not told. `contained`: nor from there. */
export async function principalOfBearer(
  header: string | undefined,
  ip: string,
  context: ControlContext,
): Promise<Principal> {
  const found = await provenByBearer(header, context)
  await requireUncontainedNetwork(context.store.forTenant(found.tenantId), ip, context.nowMs())
  return found
}

async function provenByBearer(header: string | undefined, context: ControlContext): Promise<Principal> {
  if (header === undefined) throw new Fault('not-signed-in')
  const token = /^Bearer ([\x21-\x7e]{16,4096})$/i.exec(header)?.[1]
  if (token === undefined) throw new Fault('token-invalid')
  if (token.startsWith(`${API_TOKEN_PREFIX}_`)) return principalOfApiToken(token, context)
  const conductor = context.links.conductorTokens?.rightOf(token)
  if (conductor) return principalOfConductor(conductor, context)
  const { signIn } = context.links
  const facts = (await signIn?.verifyAccessToken(token)) ?? null
  // A token that enrols devices is not one for the API, nor the other way round.
  const isForApi = facts !== null && facts.scopes.includes('api') && facts.expiresAtMs > context.nowMs()
  if (!isForApi || facts.sessionId === null) throw new Fault('token-invalid')
  return principalOfSession(facts.tenantId, facts.userId, facts.sessionId, context)
}

/** Throws Fault `not-signed-in`, `contained`. */
export async function principalOfCookie(
  header: string | undefined,
  ip: string,
  context: ControlContext,
): Promise<Principal> {
  const { signIn } = context.links
  const session = header === undefined ? null : ((await signIn?.consoleSession(header)) ?? null)
  if (session === null) throw new Fault('not-signed-in')
  const found = await principalOfSession(session.tenantId, session.userId, session.sessionId, context)
  await requireUncontainedNetwork(context.store.forTenant(found.tenantId), ip, context.nowMs())
  return found
}

async function principalOfSession(
  tenantId: string,
  userId: string,
  sessionId: string,
  context: ControlContext,
): Promise<Principal> {
  const session = await createSessions(context).get(tenantId, sessionId)
  if (session?.userId !== userId) throw new Fault('not-signed-in')
  const roles = await rolesOf(tenantId, userId, context)
  return principal(
    tenantId,
    userId,
    roles,
    { door: session.door, sessionId, expiresAtMs: session.expiresAtMs },
    context,
  )
}

async function principalOfApiToken(token: string, context: ControlContext): Promise<Principal> {
  const hash = hashSecret(token)
  const { store } = context
  const place = await store.provider
    .selectFrom('secretIndex')
    .select('secretIndex.tenantId')
    .where('secretIndex.hash', '=', hash)
    .where('secretIndex.kind', '=', 'apiToken')
    .executeTakeFirst()
  if (!place) throw new Fault('token-invalid')
  const handle = store.forTenant(place.tenantId)
  const row = await handle.selectFrom('apiTokens').selectAll().where('apiTokens.hash', '=', hash).executeTakeFirst()
  const nowMs = context.nowMs()
  if (!row || !secretEquals(row.hash, hash) || row.expiresAtMs <= nowMs) throw new Fault('token-invalid')
  if ((row.lastUsedAtMs ?? 0) < nowMs - LAST_USED_STEP_MS)
    await handle.updateTable('apiTokens').set({ lastUsedAtMs: nowMs }).where('apiTokens.id', '=', row.id).execute()
  // A token is never more than its maker still is: losing a role also takes it from one's tokens.
  const makersRoles = await rolesOf(place.tenantId, row.createdBy, context)
  const role = lesserRole(row.role, makersRoles)
  const proof = { door: 'api-token', sessionId: null, expiresAtMs: row.expiresAtMs }
  return principal(place.tenantId, row.createdBy, role === undefined ? [] : [role], proof, context)
}

/** What its person may do now, and nothing of the provider's. */
async function principalOfConductor(right: ConductorRight, context: ControlContext): Promise<Principal> {
  const { tenantId, userId, expiresAtMs } = right
  const role = lesserRole('tenant-admin', await rolesOf(tenantId, userId, context))
  const proof = { door: 'api-token', sessionId: null, expiresAtMs }
  return principal(tenantId, userId, role === undefined ? [] : [role], proof, context)
}

const rank: Readonly<Record<RoleName, number>> = { auditor: 1, 'tenant-admin': 2, 'provider-admin': 3 }

/** The wanted role, or the highest that `held` gives when that is less; undefined when it gives none. */
export function lesserRole(wanted: RoleName, held: readonly RoleName[]): RoleName | undefined {
  const [best] = held.toSorted((a, b) => rank[b] - rank[a])
  if (best === undefined) return undefined
  return rank[wanted] <= rank[best] ? wanted : best
}

async function principal(
  tenantId: string,
  userId: string,
  held: readonly RoleName[],
  proof: Pick<Principal, 'door' | 'sessionId' | 'expiresAtMs'>,
  context: ControlContext,
): Promise<Principal> {
  const handle = context.store.forTenant(tenantId)
  const tenant = await readTenant(handle).catch(() => undefined)
  const user = await userRow(handle, userId)
  const spec = user && specOf('User', user)
  if (tenant?.status !== 'active' || !user || spec?.status === 'disabled') throw new Fault('token-invalid')
  await requireUncontained(handle, await subjectsOfUser(handle, user), context.nowMs())
  const roles = new Set<RoleName>(held)
  // A provider administrator administers the provider's own tenant, and nothing inside any other.
  if (roles.has('provider-admin')) roles.add('tenant-admin')
  if (roles.has('tenant-admin')) roles.add('auditor')
  if (tenant.isProvider !== 1) roles.delete('provider-admin')
  return {
    tenantId,
    tenantName: tenant.name,
    tenantDisplayName: tenant.displayName,
    isProvider: tenant.isProvider === 1,
    userId,
    userName: user.name,
    displayName: spec?.displayName ?? user.name,
    roles,
    ...proof,
  }
}
