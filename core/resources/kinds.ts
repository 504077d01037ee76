// The declarative kinds: what people write in YAML and send to `apply`. One strict schema each, from which
// the API, its OpenAPI document and the reference page are made.
import * as z from 'zod'
import { hostName, labelName, looseName } from '#core/names.ts'
import { appSpec } from '#core/records/app.ts'
import { eventStreamSpec } from './event-stream.ts'
import { playbookSpec } from './playbook.ts'
import { policyTestSpec } from './policy-test.ts'
import { categorySpec, webSettingsSpec } from '#core/records/outbound.ts'

/** What an issuer says is believed: nobody on the way may change it. */
const httpsUrl = z.url({ protocol: /^https$/, error: 'use an https:// address' }).max(500)
const displayName = z.string().max(120).optional()

export const groupSpec = z.strictObject({
  displayName,
  parents: z.array(looseName).max(32).optional().describe('groups whose permissions its members get too'),
})

export const userSpec = z.strictObject({
  displayName: z.string().max(200).optional(),
  email: z.string().max(320).optional().describe('for people to read; never identifies the user'),
  groups: z.array(looseName).max(256).optional(),
  organisation: labelName.optional().describe('set for a third party'),
  status: z.enum(['active', 'disabled']).optional().describe('default active'),
  identities: z
    .array(z.strictObject({ issuer: httpsUrl, subject: z.string().min(1).max(255) }))
    .max(8)
    .optional()
    .describe('accounts at identity providers that are this user; the built-in one is linked by an invitation'),
})

export const organisationSpec = z.strictObject({
  displayName,
  sponsor: looseName.describe('user of ours who answers for them'),
  from: z.iso.datetime({ offset: true }),
  until: z.iso.datetime({ offset: true }),
  apps: z.array(labelName).max(1000).describe('the only apps they can ever reach'),
})

export const connectorGroupSpec = z.strictObject({ displayName, description: z.string().max(1000).optional() })
export const appGroupSpec = z.strictObject({ displayName, description: z.string().max(1000).optional() })

export const policySpec = z.strictObject({
  description: z.string().max(1000).optional(),
  text: z.string().min(1).max(65_536).describe('one or more Cedar policies'),
})

export const identityProviderSpec = z.strictObject({
  displayName,
  issuer: httpsUrl,
  clientId: z.string().min(1).max(255),
  clientSecret: z.string().min(1).max(1000).optional().describe('write-only; kept when left out of an update'),
  scopes: z.array(z.string().max(64)).max(20).optional().describe('default openid profile email'),
  caPem: z.string().max(65_536).optional().describe('authority to trust when its certificate is not public'),
  nameClaim: z.string().max(64).optional().describe('default preferred_username, then email'),
  groupsClaim: z.string().max(64).optional().describe('default groups'),
  groups: z.record(z.string().max(255), looseName).optional().describe('their group → ours; unlisted ones are ignored'),
  createUsers: z.boolean().optional().describe('make a user at first sign-in; default false'),
  enabled: z.boolean().optional().describe('default true'),
})

/** There is one of these per tenant. */
const onlyDefault = labelName.refine((name) => name === 'default', 'there is one, and it is named default')

/** kind → spec, id prefix kind, plural in paths, what names look like. */
export const resourceKinds = {
  Group: { spec: groupSpec, id: 'group', plural: 'groups', name: looseName },
  Organisation: { spec: organisationSpec, id: 'organisation', plural: 'organisations', name: labelName },
  User: { spec: userSpec, id: 'user', plural: 'users', name: looseName },
  ConnectorGroup: { spec: connectorGroupSpec, id: 'connectorGroup', plural: 'connector-groups', name: labelName },
  AppGroup: { spec: appGroupSpec, id: 'appGroup', plural: 'app-groups', name: labelName },
  App: { spec: appSpec, id: 'app', plural: 'apps', name: labelName },
  Category: { spec: categorySpec, id: 'category', plural: 'categories', name: labelName },
  WebSettings: { spec: webSettingsSpec, id: 'webSettings', plural: 'web-settings', name: onlyDefault },
  Policy: { spec: policySpec, id: 'policy', plural: 'policies', name: labelName },
  PolicyTest: { spec: policyTestSpec, id: 'policyTest', plural: 'policy-tests', name: labelName },
  IdentityProvider: {
    spec: identityProviderSpec,
    id: 'identityProvider',
    plural: 'identity-providers',
    name: labelName,
  },
  Playbook: { spec: playbookSpec, id: 'playbook', plural: 'playbooks', name: labelName },
  EventStream: { spec: eventStreamSpec, id: 'eventStream', plural: 'event-streams', name: labelName },
} as const

export type ResourceKind = keyof typeof resourceKinds
export type ResourceSpec<K extends ResourceKind> = z.infer<(typeof resourceKinds)[K]['spec']>

export const resourceKindNames = Object.keys(resourceKinds) as readonly ResourceKind[]

function documentOf<K extends ResourceKind>(kind: K) {
  return z.strictObject({ kind: z.literal(kind), name: resourceKinds[kind].name, spec: resourceKinds[kind].spec })
}

export const resourceDocument = z.discriminatedUnion('kind', [
  documentOf('Group'),
  documentOf('Organisation'),
  documentOf('User'),
  documentOf('ConnectorGroup'),
  documentOf('AppGroup'),
  documentOf('App'),
  documentOf('Category'),
  documentOf('WebSettings'),
  documentOf('Policy'),
  documentOf('PolicyTest'),
  documentOf('IdentityProvider'),
  documentOf('Playbook'),
  documentOf('EventStream'),
])

const falseStories = z.number().min(0.001).max(1000)

/** A tenant's own settings; part of the tenant, not of `apply`. */
export const tenantSettings = z.strictObject({
  staleAfterSeconds: z
    .number()
    .int()
    .min(30)
    .max(7 * 86_400)
    .describe('default 900 s'),
  sessionSeconds: z
    .number()
    .int()
    .min(300)
    .max(7 * 86_400)
    .describe('default 12 h'),
  explain: z.enum(['full', 'reason', 'none']).describe('default full'),
  journalMandatory: z.boolean().describe('default true'),
  retentionDays: z
    .number()
    .int()
    .min(1)
    .max(36_500)
    .nullable()
    .describe('whole days for which events are kept; null: for ever; default null'),
  answerFrom: z
    .enum(['never', 'note', 'ask', 'step-up', 'restrict', 'cut', 'contain'])
    .describe('stories of this level and above contain their user for half an hour by themselves; default never'),
  storyBudget: z
    .strictObject({
      ask: falseStories,
      'step-up': falseStories,
      restrict: falseStories,
      cut: falseStories,
      contain: falseStories,
    })
    .nullable()
    .describe('false stories per 10,000 users and day that each level may cost; null (default): 20, 3, 1, 0.5, 0.1'),
  ownHosts: z.array(hostName).max(64).describe("the tenant's own host names for apps; the provider sets them"),
})
export type TenantSettings = z.infer<typeof tenantSettings>

export const defaultTenantSettings: TenantSettings = {
  staleAfterSeconds: 900,
  sessionSeconds: 12 * 3600,
  explain: 'full',
  journalMandatory: true,
  retentionDays: null,
  ownHosts: [],
  answerFrom: 'never',
  storyBudget: null,
}
