// The tables of incidents: the incident, what it is about, and what was done about it.
import type { CreateTableBuilder, Kysely } from 'kysely'

export const incidentMigration = {
  name: '007-incidents',
  up: async (db: Kysely<unknown>): Promise<void> => {
    const begin = (name: string, texts: readonly string[], times: readonly string[]) => {
      let table: CreateTableBuilder<string, string> = db.schema
        .createTable(name)
        .addColumn('tenantId', 'text', (column) => column.notNull().references('tenants.id'))
      for (const text of texts) table = table.addColumn(text, 'text', (column) => column.notNull())
      for (const time of times) table = table.addColumn(time, 'bigint', (column) => column.notNull())
      return table
    }
    await begin('incidents', ['id', 'title', 'severity', 'state', 'openedBy', 'causeText'], ['openedAtMs', 'fromMs'])
      .addColumn('takenBy', 'text')
      .addColumn('closedAtMs', 'bigint')
      .addColumn('cause', 'text')
      .addPrimaryKeyConstraint('incidentsKey', ['tenantId', 'id'])
      .execute()
    await begin('incidentLinks', ['incidentId', 'kind', 'refId', 'name'], ['atMs'])
      .addPrimaryKeyConstraint('incidentLinksKey', ['tenantId', 'incidentId', 'kind', 'refId'])
      .execute()
    await begin('incidentEntries', ['id', 'incidentId', 'by', 'kind', 'text'], ['atMs'])
      .addPrimaryKeyConstraint('incidentEntriesKey', ['tenantId', 'id'])
      .execute()
    await db.schema.createIndex('incidents_by_time').on('incidents').columns(['tenantId', 'openedAtMs', 'id']).execute()
    await db.schema
      .createIndex('incidentEntries_by_incident')
      .on('incidentEntries')
      .columns(['tenantId', 'incidentId', 'atMs'])
      .execute()
    await db.schema
      .createIndex('incidentLinks_by_thing')
      .on('incidentLinks')
      .columns(['tenantId', 'kind', 'refId'])
      .execute()
  },
}
