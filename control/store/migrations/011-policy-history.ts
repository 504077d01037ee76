// Versions of the policies: who changed what, when and why.
import type { Kysely } from 'kysely'

export const policyHistoryMigration = {
  name: '011-policy-history',
  up: async (db: Kysely<unknown>): Promise<void> => {
    await db.schema
      .createTable('policyVersions')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('version', 'bigint', (column) => column.notNull())
      .addColumn('atMs', 'bigint', (column) => column.notNull())
      .addColumn('by', 'text', (column) => column.notNull())
      .addColumn('why', 'text')
      .addColumn('approvedBy', 'text')
      .addColumn('restores', 'bigint')
      .addColumn('bytes', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('policyVersionsKey', ['tenantId', 'version'])
      .execute()
    await db.schema
      .createTable('policyChanges')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('version', 'bigint', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('before', 'text')
      .addColumn('after', 'text')
      .addPrimaryKeyConstraint('policyChangesKey', ['tenantId', 'version', 'kind', 'name'])
      .execute()
  },
}
