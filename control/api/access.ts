// Whether a principal may call a route. Decided before any look-up of what the route is about, so that a foreign and
// an unknown tenant are one and the same answer.
import { Fault } from '#core/fault.ts'
import type { Access } from '#core/api/route.ts'
import type { Principal } from './principal.ts'

/** Throws Fault `not-found` for any tenant but one's own, `not-permitted` where the role is not enough. */
export function requireAccess(access: Access, tenantInPath: string | undefined, principal: Principal): void {
  if (tenantInPath !== undefined && tenantInPath !== principal.tenantName) throw new Fault('not-found')
  switch (access) {
    case 'public':
    case 'user':
      return
    case 'auditor':
    case 'tenant-admin':
      if (!principal.roles.has(access)) throw new Fault('not-permitted')
      return
    case 'provider-admin':
      if (!principal.isProvider || !principal.roles.has('provider-admin')) throw new Fault('not-permitted')
  }
}
