// The table of stories: what detection noticed, and what people made of it.
import type { CreateTableBuilder, Kysely } from 'kysely'

export const storyMigration = {
  name: '005-stories',
  up: async (db: Kysely<unknown>): Promise<void> => {
    let table: CreateTableBuilder<string, string> = db.schema
      .createTable('stories')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
    for (const name of [
      'id',
      'subjectKind',
      'subjectId',
      'subjectName',
      'kind',
      'level',
      'sentence',
      'events',
      'state',
      'notes',
    ])
      table = table.addColumn(name, 'text', (column) => column.notNull())
    for (const name of ['score', 'firstMs', 'noticedMs'])
      table = table.addColumn(name, 'bigint', (column) => column.notNull())
    for (const name of ['takenBy', 'verdict', 'containmentId']) table = table.addColumn(name, 'text')
    await table.addPrimaryKeyConstraint('storiesKey', ['tenantId', 'id']).execute()
    await db.schema.createIndex('stories_by_time').on('stories').columns(['tenantId', 'noticedMs', 'id']).execute()
    await db.schema
      .createIndex('stories_by_subject')
      .on('stories')
      .columns(['tenantId', 'subjectId', 'noticedMs'])
      .execute()
  },
}
