// Tables of sign-in, in the same store as everything else, each row a tenant's own. Must never hold a usable
// secret in clear: tokens are stored as hashes, payloads and TOTP secrets sealed, passwords as argon2id.
import type { Kysely } from 'kysely'

export type SignInTables = {
  readonly signInAccounts: AccountRow
  readonly signInPasskeys: PasskeyRow
  readonly signInOneTime: OneTimeRow
  readonly signInOidc: OidcRow
  readonly signInLogins: LoginRow
  readonly signInGrants: GrantRow
  readonly signInKeys: KeyRow
}

/** Every table has `tenantId`, first in its primary key. In the order in which a tenant's rows may be deleted. */
export const signInTenantTables = [
  'signInAccounts',
  'signInPasskeys',
  'signInOneTime',
  'signInOidc',
  'signInLogins',
  'signInGrants',
  'signInKeys',
] as const satisfies readonly (keyof SignInTables)[]

/** The built-in identity provider's account of a user. */
export type AccountRow = {
  tenantId: string
  userId: string
  /** Random; also the WebAuthn user handle, so that a passkey tells nothing about the person. */
  subject: string
  passwordHash: string | null
  totpSealed: string | null
  /** Last time step whose code was accepted: no step is accepted twice. */
  totpLastStep: number
  createdAtMs: number
  updatedAtMs: number
}

export type PasskeyRow = {
  tenantId: string
  credentialId: string
  userId: string
  /** COSE key, base64url. */
  publicKey: string
  counter: number
  transports: string
  backedUp: number
  name: string
  createdAtMs: number
  lastUsedAtMs: number | null
}

/** Anything that may be used once: invitations, hand-off codes, challenges, states, seen logout tokens. */
export type OneTimeRow = {
  tenantId: string
  kind: string
  keyHash: string
  userId: string | null
  sealed: string
  expiresAtMs: number
}

/** Models of the OpenID provider. */
export type OidcRow = {
  tenantId: string
  model: string
  idHash: string
  sealed: string
  grantId: string | null
  uidHash: string | null
  userCodeHash: string | null
  accountId: string | null
  consumedAtMs: number | null
  expiresAtMs: number
}

/** One act of signing in: what was proven, where, and the provider session that rests on it. */
export type LoginRow = {
  tenantId: string
  id: string
  userId: string
  hubSessionUid: string | null
  providerId: string | null
  issuer: string
  subject: string
  upstreamSid: string | null
  factors: string
  ip: string
  upstreamTokenSealed: string | null
  groupsCheckedAtMs: number
  createdAtMs: number
  expiresAtMs: number
  endedAtMs: number | null
}

/** What a login was used for: one grant of one client, and the session of ours that it opened. */
export type GrantRow = {
  tenantId: string
  grantId: string
  loginId: string
  clientId: string
  userId: string
  sessionId: string | null
  createdAtMs: number
  expiresAtMs: number
}

export type KeyRow = {
  tenantId: string
  kind: string
  id: string
  sealed: string
  createdAtMs: number
}

export const signInMigration = {
  name: '002-sign-in',
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('signInAccounts')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('userId', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('passwordHash', 'text')
      .addColumn('totpSealed', 'text')
      .addColumn('totpLastStep', 'bigint', (column) => column.notNull())
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addColumn('updatedAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('signInAccountsKey', ['tenantId', 'userId'])
      .addUniqueConstraint('signInAccountsSubject', ['tenantId', 'subject'])
      .execute()
    await db.schema
      .createTable('signInPasskeys')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('credentialId', 'text', (column) => column.notNull())
      .addColumn('userId', 'text', (column) => column.notNull())
      .addColumn('publicKey', 'text', (column) => column.notNull())
      .addColumn('counter', 'bigint', (column) => column.notNull())
      .addColumn('transports', 'text', (column) => column.notNull())
      .addColumn('backedUp', 'integer', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addColumn('lastUsedAtMs', 'bigint')
      .addPrimaryKeyConstraint('signInPasskeysKey', ['tenantId', 'credentialId'])
      .execute()
    await db.schema
      .createTable('signInOneTime')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('keyHash', 'text', (column) => column.notNull())
      .addColumn('userId', 'text')
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('expiresAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('signInOneTimeKey', ['tenantId', 'kind', 'keyHash'])
      .execute()
    await db.schema
      .createTable('signInOidc')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('idHash', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('grantId', 'text')
      .addColumn('uidHash', 'text')
      .addColumn('userCodeHash', 'text')
      .addColumn('accountId', 'text')
      .addColumn('consumedAtMs', 'bigint')
      .addColumn('expiresAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('signInOidcKey', ['tenantId', 'model', 'idHash'])
      .execute()
    await db.schema
      .createTable('signInLogins')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('userId', 'text', (column) => column.notNull())
      .addColumn('hubSessionUid', 'text')
      .addColumn('providerId', 'text')
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('upstreamSid', 'text')
      .addColumn('factors', 'text', (column) => column.notNull())
      .addColumn('ip', 'text', (column) => column.notNull())
      .addColumn('upstreamTokenSealed', 'text')
      .addColumn('groupsCheckedAtMs', 'bigint', (column) => column.notNull())
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addColumn('expiresAtMs', 'bigint', (column) => column.notNull())
      .addColumn('endedAtMs', 'bigint')
      .addPrimaryKeyConstraint('signInLoginsKey', ['tenantId', 'id'])
      .execute()
    await db.schema
      .createTable('signInGrants')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('grantId', 'text', (column) => column.notNull())
      .addColumn('loginId', 'text', (column) => column.notNull())
      .addColumn('clientId', 'text', (column) => column.notNull())
      .addColumn('userId', 'text', (column) => column.notNull())
      .addColumn('sessionId', 'text')
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addColumn('expiresAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('signInGrantsKey', ['tenantId', 'grantId'])
      .execute()
    await db.schema
      .createTable('signInKeys')
      .addColumn('tenantId', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('signInKeysKey', ['tenantId', 'kind', 'id'])
      .execute()
    for (const [table, column] of indexes) {
      await db.schema
        .createIndex(`${table}By${column.charAt(0).toUpperCase()}${column.slice(1)}`)
        .on(table)
        .columns(['tenantId', column])
        .execute()
    }
  },
}

const indexes = [
  ['signInPasskeys', 'userId'],
  ['signInOneTime', 'expiresAtMs'],
  ['signInOidc', 'grantId'],
  ['signInOidc', 'uidHash'],
  ['signInOidc', 'userCodeHash'],
  ['signInOidc', 'accountId'],
  ['signInOidc', 'expiresAtMs'],
  ['signInLogins', 'userId'],
  ['signInLogins', 'hubSessionUid'],
  ['signInLogins', 'subject'],
  ['signInGrants', 'loginId'],
  ['signInGrants', 'userId'],
  ['signInGrants', 'sessionId'],
] as const
