// What apps are told about the person behind a request: a JWT (RFC 7519), ES256, short-lived, made for one app. Must never
// hold anything that could be used against us: it names, it does not admit.
import { sign } from 'node:crypto'
import type { AppRecord } from '#core/records/app.ts'
import type { AssertionKey } from '#exchange/certificates/own-keys.ts'
import type { Access } from '#exchange/decide.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export const ASSERTION_HEADER = 'x-sallyport-assertion'

const LIFE_SECONDS = 300

export type AssertionFacts = {
  readonly issuer: string
  readonly tenant: Tenant
  readonly app: AppRecord
  readonly access: Access
  readonly policies: readonly string[]
  readonly nowMs: number
}

export function makeAssertion({ key, kid }: AssertionKey, facts: AssertionFacts): string {
  const { issuer, tenant, app, access, policies, nowMs } = facts
  const user = tenant.users.get(access.userId)
  const device = access.deviceId === null ? undefined : tenant.devices.get(access.deviceId)
  const iat = Math.floor(nowMs / 1000)
  const claims = {
    iss: issuer,
    aud: app.name,
    sub: access.userId,
    iat,
    nbf: iat - 30,
    exp: iat + LIFE_SECONDS,
    sid: access.sessionId,
    tenant: tenant.record.name,
    user: user?.name,
    name: user?.displayName,
    ...(user?.email && { email: user.email }),
    groups: (user?.groupIds ?? []).map((id) => tenant.groups.get(id)?.name).filter((name) => name !== undefined),
    ...(device !== undefined && { device: { id: device.id, posture: device.posture } }),
    policies,
  }
  const text = `${part({ alg: 'ES256', typ: 'JWT', kid })}.${part(claims)}`
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
