// Tables of sign-in, in the same store as everything else, each row a tenant's own. Must never hold a usable
// secret in clear: tokens are stored as hashes, payloads and TOTP secrets sealed, passwords as argon2id.
import type { Kysely, Migration } from 'kysely'

export type SignInTables = {
  readonly sign_in_accounts: AccountRow
  readonly sign_in_passkeys: PasskeyRow
  readonly sign_in_one_time: OneTimeRow
  readonly sign_in_oidc: OidcRow
  readonly sign_in_logins: LoginRow
  readonly sign_in_grants: GrantRow
  readonly sign_in_keys: KeyRow
}

/** Every table has `tenant_id`, first in its primary key. */
export const signInTableNames = [
  'sign_in_accounts',
  'sign_in_passkeys',
  'sign_in_one_time',
  'sign_in_oidc',
  'sign_in_logins',
  'sign_in_grants',
  'sign_in_keys',
] as const satisfies readonly (keyof SignInTables)[]

/** The built-in identity provider's account of a user. */
export type AccountRow = {
  tenant_id: string
  user_id: string
  /** Random; also the WebAuthn user handle, so that a passkey tells nothing about the person. */
  subject: string
  password_hash: string | null
  totp_sealed: string | null
  /** Last time step whose code was accepted: no step is accepted twice. */
  totp_last_step: number
  created_at_ms: number
  updated_at_ms: number
}

export type PasskeyRow = {
  tenant_id: string
  credential_id: string
  user_id: string
  /** COSE key, base64url. */
  public_key: string
  counter: number
  transports: string
  backed_up: number
  name: string
  created_at_ms: number
  last_used_at_ms: number | null
}

/** Anything that may be used once: invitations, hand-off codes, challenges, states, seen logout tokens. */
export type OneTimeRow = {
  tenant_id: string
  kind: string
  key_hash: string
  user_id: string | null
  sealed: string
  expires_at_ms: number
}

/** Models of the OpenID provider. */
export type OidcRow = {
  tenant_id: string
  model: string
  id_hash: string
  sealed: string
  grant_id: string | null
  uid_hash: string | null
  user_code_hash: string | null
  account_id: string | null
  consumed_at_ms: number | null
  expires_at_ms: number
}

/** One act of signing in: what was proven, where, and the provider session that rests on it. */
export type LoginRow = {
  tenant_id: string
  id: string
  user_id: string
  hub_session_uid: string | null
  provider_id: string | null
  issuer: string
  subject: string
  upstream_sid: string | null
  factors: string
  upstream_token_sealed: string | null
  groups_checked_at_ms: number
  created_at_ms: number
  expires_at_ms: number
  ended_at_ms: number | null
}

/** What a login was used for: one grant of one client, and the session of ours that it opened. */
export type GrantRow = {
  tenant_id: string
  grant_id: string
  login_id: string
  client_id: string
  user_id: string
  session_id: string | null
  created_at_ms: number
  expires_at_ms: number
}

export type KeyRow = {
  tenant_id: string
  kind: string
  id: string
  sealed: string
  created_at_ms: number
}

export const signInMigration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('sign_in_accounts')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('password_hash', 'text')
      .addColumn('totp_sealed', 'text')
      .addColumn('totp_last_step', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('sign_in_accounts_key', ['tenant_id', 'user_id'])
      .addUniqueConstraint('sign_in_accounts_subject', ['tenant_id', 'subject'])
      .execute()
    await db.schema
      .createTable('sign_in_passkeys')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('credential_id', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('public_key', 'text', (column) => column.notNull())
      .addColumn('counter', 'bigint', (column) => column.notNull())
      .addColumn('transports', 'text', (column) => column.notNull())
      .addColumn('backed_up', 'integer', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('last_used_at_ms', 'bigint')
      .addPrimaryKeyConstraint('sign_in_passkeys_key', ['tenant_id', 'credential_id'])
      .execute()
    await db.schema
      .createTable('sign_in_one_time')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('key_hash', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text')
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('sign_in_one_time_key', ['tenant_id', 'kind', 'key_hash'])
      .execute()
    await db.schema
      .createTable('sign_in_oidc')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('id_hash', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('grant_id', 'text')
      .addColumn('uid_hash', 'text')
      .addColumn('user_code_hash', 'text')
      .addColumn('account_id', 'text')
      .addColumn('consumed_at_ms', 'bigint')
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('sign_in_oidc_key', ['tenant_id', 'model', 'id_hash'])
      .execute()
    await db.schema
      .createTable('sign_in_logins')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('hub_session_uid', 'text')
      .addColumn('provider_id', 'text')
      .addColumn('issuer', 'text', (column) => column.notNull())
      .addColumn('subject', 'text', (column) => column.notNull())
      .addColumn('upstream_sid', 'text')
      .addColumn('factors', 'text', (column) => column.notNull())
      .addColumn('upstream_token_sealed', 'text')
      .addColumn('groups_checked_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('ended_at_ms', 'bigint')
      .addPrimaryKeyConstraint('sign_in_logins_key', ['tenant_id', 'id'])
      .execute()
    await db.schema
      .createTable('sign_in_grants')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('grant_id', 'text', (column) => column.notNull())
      .addColumn('login_id', 'text', (column) => column.notNull())
      .addColumn('client_id', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('session_id', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('sign_in_grants_key', ['tenant_id', 'grant_id'])
      .execute()
    await db.schema
      .createTable('sign_in_keys')
      .addColumn('tenant_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('sign_in_keys_key', ['tenant_id', 'kind', 'id'])
      .execute()
    for (const [table, column] of indexes) {
      await db.schema.createIndex(`${table}_${column}`).on(table).columns(['tenant_id', column]).execute()
    }
  },
}

const indexes = [
  ['sign_in_passkeys', 'user_id'],
  ['sign_in_one_time', 'expires_at_ms'],
  ['sign_in_oidc', 'grant_id'],
  ['sign_in_oidc', 'uid_hash'],
  ['sign_in_oidc', 'user_code_hash'],
  ['sign_in_oidc', 'account_id'],
  ['sign_in_oidc', 'expires_at_ms'],
  ['sign_in_logins', 'user_id'],
  ['sign_in_logins', 'hub_session_uid'],
  ['sign_in_logins', 'subject'],
  ['sign_in_grants', 'login_id'],
  ['sign_in_grants', 'user_id'],
  ['sign_in_grants', 'session_id'],
] as const
