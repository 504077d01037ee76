// The table of credentials for the explicit proxy: hashes only; each speaks in a session of its own.
import type { Kysely } from 'kysely'

export const webCredentialMigration = {
  name: '006-web-credentials',
  up: async (db: Kysely<unknown>): Promise<void> => {
    await db.schema
      .createTable('webCredentials')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('sessionId', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('webCredentialsKey', ['tenantId', 'id'])
      .execute()
    await db.schema
      .createIndex('web_credentials_by_session')
      .on('webCredentials')
      .columns(['tenantId', 'sessionId'])
      .execute()
  },
}
