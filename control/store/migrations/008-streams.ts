// The table of event streams: how far each has come.
import type { Kysely } from 'kysely'

export const streamMigration = {
  name: '008-streams',
  up: async (db: Kysely<unknown>): Promise<void> => {
    await db.schema
      .createTable('streamCursors')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('streamId', 'text', (column) => column.notNull())
      .addColumn('cursor', 'text', (column) => column.notNull())
      .addColumn('sent', 'bigint', (column) => column.notNull())
      .addColumn('lost', 'bigint', (column) => column.notNull())
      .addColumn('sentAtMs', 'bigint')
      .addColumn('failure', 'text')
      .addColumn('failingSinceMs', 'bigint')
      .addPrimaryKeyConstraint('streamCursorsKey', ['tenantId', 'streamId'])
      .execute()
  },
}
