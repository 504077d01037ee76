// The proof before a drill: which apps could its identities reach under some circumstances. Errs on one side only:
// what might be permitted counts as permitted, and forbids are not looked at.
import { judgePolicy, pathsRead } from '#core/policy/partial.ts'
import type { Request } from '#core/policy/request.ts'
import { entityTypes } from '#core/policy/schema.ts'
import { scopeOf } from '#core/policy/scope.ts'
import type { TenantRules } from '#core/policy/tenant-rules.ts'
import { CedarRecord, EntityUid } from '#core/policy/value.ts'

export type PossibleReach = { readonly user: string; readonly app: string; readonly policy: string }

const actions = ['connect', 'request'].map((name) => new EntityUid(entityTypes.action, name))

const webActions = ['browse', 'upload', 'download'].map((name) => new EntityUid(entityTypes.action, name))

/**
 * Those whom nothing keeps from the internet whatever else policies say: a forbid for every destination, without
 * conditions, that names them. `users` are names as policies write them.
 */
export function notKeptFromInternet(
  { policies, entities }: Pick<TenantRules, 'policies' | 'entities'>,
  users: readonly string[],
): readonly string[] {
  const isKept = (user: string, action: EntityUid) => {
    const request: Request = {
      principal: new EntityUid(entityTypes.user, user),
      action,
      resource: new EntityUid(entityTypes.destination, 'anywhere.invalid'),
      context: known,
    }
    return policies.matching(request, entities).some(
      (policy) =>
        policy.effect === 'forbid' &&
        // One that names destinations keeps from those alone.
        policy.resource.uid === null &&
        // Whatever it asks for might not be so.
        pathsRead(policy).length === 0 &&
        judgePolicy(policy, scopeOf(request, entities), unknown) === 'applies',
    )
  }
  return users.filter((user) => !webActions.every((action) => isKept(user, action)))
}

/** All that is known of any request of a drill identity: none of its requests for access is ever approved. */
const known = CedarRecord.of({ approved: false })
const unknown: ReadonlySet<string> = new Set(
  ['session', 'device', 'network', 'time', 'risk', 'http'].map((name) => `context.${name}`),
)

/** The pairs that some permit could allow, at most `limit`. `users` and `apps` are names as policies write them. */
export function possibleReach(
  { policies, entities }: Pick<TenantRules, 'policies' | 'entities'>,
  users: readonly string[],
  apps: readonly string[],
  limit: number,
): readonly PossibleReach[] {
  const found: PossibleReach[] = []
  for (const user of users)
    for (const app of apps) {
      const permit = actions
        .flatMap((action) => {
          const request: Request = {
            principal: new EntityUid(entityTypes.user, user),
            action,
            resource: new EntityUid(entityTypes.app, app),
            context: known,
          }
          return policies
            .matching(request, entities)
            .filter((policy) => judgePolicy(policy, scopeOf(request, entities), unknown) !== 'never')
        })
        .find(({ effect }) => effect === 'permit')
      if (!permit) continue
      found.push({ user, app, policy: permit.name })
      if (found.length >= limit) return found
    }
  return found
}
