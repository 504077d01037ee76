// Runs policy tests against a tenant's rules. Must never pass a test whose person, group or app is not there: a test
// that says nothing any more has to be mended or taken away.
import type { UserRecord } from '#core/records/records.ts'
import type { PolicyTest } from '#core/resources/policy-test.ts'
import { describe } from './advice.ts'
import type { Decision } from './decide.ts'
import { userEntity } from './directory.ts'
import { factsFrom } from './stated-facts.ts'
import { decideAccess, type TenantRules } from './tenant-rules.ts'

export type TestResult =
  | { readonly kind: 'passed'; readonly title: string }
  | {
      readonly kind: 'failed'
      readonly title: string
      /** What was expected and what came, in one sentence. */
      readonly message: string
      readonly decision: Decision | null
    }

export function titleOf({ name, who, app, host, expect }: PolicyTest): string {
  if (name !== undefined) return name
  const person = typeof who === 'string' ? who : somebody(who)
  return `${person} ${expect === 'allow' ? 'reaches' : 'does not reach'} ${app ?? host ?? ''}`
}

function somebody({ groups = [], organisation }: Exclude<PolicyTest['who'], string>): string {
  const from = organisation === undefined ? '' : ` of ${organisation}`
  return groups.length === 0 ? `anybody${from}` : `anybody in ${groups.join(' and ')}${from}`
}

export function runTest(test: PolicyTest, rules: TenantRules, nowMs: number): TestResult {
  const title = titleOf(test)
  const failed = (message: string, decision: Decision | null = null): TestResult => {
    return { kind: 'failed', title, message, decision }
  }
  const asked = withPerson(test.who, rules)
  if (typeof asked === 'string') return failed(asked)
  const app = test.app === undefined ? undefined : rules.apps.get(test.app)
  if (test.app !== undefined && app === undefined) return failed(`there is no app ${test.app}`)
  const action = test.action ?? (app === undefined ? 'browse' : app.appKind === 'http' ? 'request' : 'connect')
  const isOfApp = action === 'request' || action === 'connect'
  if (isOfApp !== (app !== undefined)) return failed(`${action} is not done to ${isOfApp ? 'a host' : 'an app'}`)
  if (app !== undefined && (app.appKind === 'http') !== (action === 'request'))
    return failed(`${action} is not how an app of kind ${app.appKind} is reached`)
  const decision = decideAccess(
    asked.rules,
    factsFrom(
      {
        user: asked.user,
        action,
        resource:
          app === undefined
            ? { kind: 'destination', host: test.host ?? '', categories: test.categories ?? [] }
            : { kind: 'app', name: app.name },
        context: test.context ?? {},
        host: test.host ?? app?.browserHost ?? app?.name ?? '',
      },
      nowMs,
    ),
  )
  const problem = problemOf(test, decision)
  return problem === null ? { kind: 'passed', title } : failed(problem, decision)
}

function problemOf({ expect, reason, policies }: PolicyTest, decision: Decision): string | null {
  if (decision.kind !== expect) return `expected ${expect}; ${describe(decision)}`
  if (reason !== undefined && decision.kind === 'deny' && decision.reason !== reason)
    return `expected to be denied as ${reason}; ${describe(decision)}`
  const named = decision.policies.map(({ name }) => name).toSorted()
  const isSame = policies === undefined || JSON.stringify(named) === JSON.stringify([...policies].toSorted())
  return isSame
    ? null
    : `expected the policies ${policies.join(', ') || '(none)'}; decided by ${named.join(', ') || '(none)'}`
}

type Asked = { readonly user: string; readonly rules: TenantRules }

/** No user can have this name: it has a space. */
const anybody = 'anybody here'

/** The user, or one who is made for the question; a text says why there is none. */
function withPerson(who: PolicyTest['who'], rules: TenantRules): Asked | string {
  if (typeof who === 'string') return rules.users.has(who) ? { user: who, rules } : `there is no user ${who}`
  const groups = who.groups ?? []
  const unknown = groups.find((name) => !rules.groups.has(name))
  if (unknown !== undefined) return `there is no group ${unknown}`
  const organisation = who.organisation === undefined ? null : rules.organisations.get(who.organisation)
  if (organisation === undefined) return `there is no organisation ${who.organisation}`
  return {
    user: anybody,
    rules: withUser(rules, {
      kind: 'user',
      id: anybody,
      name: anybody,
      displayName: '',
      email: null,
      groupIds: groups.map((name) => rules.groups.get(name)?.id ?? ''),
      organisationId: organisation?.id ?? null,
      status: 'active',
    }),
  }
}

function withUser(rules: TenantRules, user: UserRecord): TenantRules {
  const names = new Map(Array.from(rules.groups.values(), ({ id, name }) => [id, name]))
  const groups = user.groupIds.map((id) => names.get(id)).filter((name) => name !== undefined)
  const organisation = rules.organisationOf(user)?.name ?? null
  return {
    ...rules,
    entities: rules.entities.with([userEntity({ ...user, groups, organisation })]),
    users: new Map(rules.users).set(user.name, user),
  }
}
