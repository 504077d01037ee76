// Every place in the store that holds something sealed, and the context that it is sealed for: what opens a row, and what
// finds all rows when the key-encryption key changes. A place that is not here would be lost then; a test looks for it.
import type { Database, TenantTable } from '#control/store/schema.ts'

export type SealedPlace<T extends TenantTable = TenantTable, K extends keyof Database[T] = keyof Database[T]> = {
  readonly table: T
  readonly column: keyof Database[T] & string
  /** The columns that the context is made of. */
  readonly of: readonly (K & string)[]
  readonly context: (row: Pick<Database[T], K>) => string
}

function place<T extends TenantTable, K extends keyof Database[T]>(made: SealedPlace<T, K>): SealedPlace<T, K> {
  return made
}

export const sealedPlaces = {
  key: place({
    table: 'keys',
    column: 'sealed',
    of: ['tenantId', 'purpose', 'id'],
    context: ({ tenantId, purpose, id }) => `key ${tenantId} ${purpose} ${id}`,
  }),
  resourceSecret: place({
    table: 'resources',
    column: 'sealed',
    of: ['tenantId', 'id'],
    context: ({ tenantId, id }) => `resource ${tenantId} ${id}`,
  }),
  drill: place({
    table: 'drills',
    column: 'sealed',
    of: ['tenantId', 'id'],
    context: ({ tenantId, id }) => `drill ${tenantId} ${id}`,
  }),
  totp: place({
    table: 'signInAccounts',
    column: 'totpSealed',
    of: ['tenantId', 'userId'],
    context: ({ tenantId, userId }) => `sign-in/${tenantId}/totp/${userId}`,
  }),
  oneTime: place({
    table: 'signInOneTime',
    column: 'sealed',
    of: ['tenantId', 'kind', 'keyHash'],
    context: ({ tenantId, kind, keyHash }) => `sign-in/${tenantId}/${kind}/${keyHash}`,
  }),
  oidc: place({
    table: 'signInOidc',
    column: 'sealed',
    of: ['tenantId', 'model', 'idHash'],
    context: ({ tenantId, model, idHash }) => `sign-in/${tenantId}/oidc/${model}/${idHash}`,
  }),
  upstreamToken: place({
    table: 'signInLogins',
    column: 'upstreamTokenSealed',
    of: ['tenantId', 'id'],
    context: ({ tenantId, id }) => `sign-in/${tenantId}/upstream/${id}`,
  }),
  signInKey: place({
    table: 'signInKeys',
    column: 'sealed',
    of: ['tenantId', 'kind', 'id'],
    context: ({ tenantId, kind, id }) => `sign-in/${tenantId}/key/${kind}/${id}`,
  }),
} as const
