// What responding needs: graded and scoped leases, risk with its sentences, exceptions of detection.
import type { Kysely } from 'kysely'

export const respondMigration = {
  name: '010-respond',
  up: async (db: Kysely<unknown>): Promise<void> => {
    const text = (name: string, value: string) =>
      db.schema
        .alterTable('containments')
        .addColumn(name, 'text', (column) => column.notNull().defaultTo(value))
        .execute()
    await text('answer', 'contain')
    await text('scope', 'all')
    await db.schema.alterTable('sessions').addColumn('confirmedAtMs', 'bigint').execute()
    await db.schema
      .createTable('risks')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('subjectKind', 'text', (column) => column.notNull())
      .addColumn('subjectId', 'text', (column) => column.notNull())
      .addColumn('points', 'double precision', (column) => column.notNull())
      .addColumn('atMs', 'bigint', (column) => column.notNull())
      .addColumn('parts', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('risksKey', ['tenantId', 'subjectKind', 'subjectId'])
      .execute()
    await db.schema
      .createTable('storyExceptions')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('subjectId', 'text', (column) => column.notNull())
      .addColumn('subjectName', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('createdBy', 'text', (column) => column.notNull())
      .addColumn('createdAtMs', 'bigint', (column) => column.notNull())
      .addColumn('expiresAtMs', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('storyExceptionsKey', ['tenantId', 'id'])
      .execute()
  },
}
