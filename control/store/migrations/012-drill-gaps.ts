// What drills have not met, with owners, and the drills that control plays by itself.
import type { CreateTableBuilder, Kysely } from 'kysely'

export const drillGapMigration = {
  name: '012-drill-gaps',
  up: async (db: Kysely<unknown>): Promise<void> => {
    let gaps: CreateTableBuilder<string, string> = db.schema
      .createTable('drillGaps')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('closedAtMs', 'bigint')
    for (const name of ['id', 'scenario', 'expectation', 'measured', 'ownerId', 'drillId'])
      gaps = gaps.addColumn(name, 'text', (column) => column.notNull())
    for (const name of ['failures', 'openedAtMs']) gaps = gaps.addColumn(name, 'bigint', (column) => column.notNull())
    await gaps.addPrimaryKeyConstraint('drillGapsKey', ['tenantId', 'id']).execute()
    await db.schema
      .createTable('drillSchedules')
      .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      .addColumn('everySeconds', 'bigint', (column) => column.notNull())
      .addColumn('scenarios', 'text', (column) => column.notNull())
      .addColumn('setBy', 'text', (column) => column.notNull())
      .addColumn('nextAtMs', 'bigint', (column) => column.notNull())
      .addColumn('failure', 'text')
      .addPrimaryKeyConstraint('drillSchedulesKey', ['tenantId'])
      .execute()
  },
}
