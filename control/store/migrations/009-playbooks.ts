// The table of runs of playbooks.
import type { CreateTableBuilder, Kysely } from 'kysely'

export const playbookMigration = {
  name: '009-playbooks',
  up: async (db: Kysely<unknown>): Promise<void> => {
    let table: CreateTableBuilder<string, string> = db.schema
      .createTable('playbookRuns')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
    for (const name of ['id', 'playbook', 'spec', 'incidentId', 'state', 'step'])
      table = table.addColumn(name, 'text', (column) => column.notNull())
    for (const name of ['stepsDone', 'dueAtMs', 'startedAtMs'])
      table = table.addColumn(name, 'bigint', (column) => column.notNull())
    for (const name of ['userId', 'question', 'why']) table = table.addColumn(name, 'text')
    await table
      .addColumn('endedAtMs', 'bigint')
      .addPrimaryKeyConstraint('playbookRunsKey', ['tenantId', 'id'])
      .execute()
    await db.schema
      .createIndex('playbookRuns_by_end')
      .on('playbookRuns')
      .columns(['tenantId', 'endedAtMs', 'dueAtMs'])
      .execute()
  },
}
