// The table of drills. Its ledger is sealed: whoever reads the database cannot tell a drill from anything else.
import type { Kysely } from 'kysely'

export const drillMigration = {
  name: '003-drills',
  up: async (db: Kysely<unknown>): Promise<void> => {
    await db.schema
      .createTable('drills')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('sealed', 'text', (column) => column.notNull())
      .addColumn('startedBy', 'text', (column) => column.notNull())
      .addColumn('startedAtMs', 'bigint', (column) => column.notNull())
      .addColumn('endsAtMs', 'bigint', (column) => column.notNull())
      .addColumn('aliveAtMs', 'bigint', (column) => column.notNull())
      .addColumn('endedAtMs', 'bigint')
      .addColumn('endReason', 'text')
      .addColumn('restored', 'bigint')
      .addColumn('report', 'text')
      .addPrimaryKeyConstraint('drillsKey', ['tenantId', 'id'])
      .execute()
  },
}
