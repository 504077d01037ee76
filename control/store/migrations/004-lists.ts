// What lists need to be read from the database a page at a time, and when things were last seen or vouched for.
import type { Kysely } from 'kysely'

const HOUR_MS = 3_600_000

export const listMigration = {
  name: '004-lists',
  up: async (db: Kysely<unknown>): Promise<void> => {
    await db.schema.alterTable('sessions').addColumn('statementAtMs', 'bigint').execute()
    await db.schema.alterTable('sessions').addColumn('statementUntilMs', 'bigint').execute()
    await db.schema.alterTable('devices').addColumn('lastSeenAtMs', 'bigint').execute()
    await db.schema.alterTable('connectors').addColumn('lastSeenAtMs', 'bigint').execute()
    // Statements were given out until `lastSeenAtMs`, and none lives longer than an hour.
    await db
      .withTables<{
        sessions: { lastSeenAtMs: number; statementAtMs: number | null; statementUntilMs: number | null }
      }>()
      .updateTable('sessions')
      .set((eb) => ({
        statementAtMs: eb.ref('sessions.lastSeenAtMs'),
        statementUntilMs: eb('sessions.lastSeenAtMs', '+', HOUR_MS),
      }))
      .execute()
    await db.schema
      .createIndex('sessions_by_age')
      .on('sessions')
      .columns(['tenantId', 'endedAtMs', 'createdAtMs', 'id', 'expiresAtMs'])
      .execute()
    await db.schema.createIndex('sessions_by_device').on('sessions').columns(['tenantId', 'deviceId']).execute()
    await db.schema
      .createIndex('accessRequests_by_status')
      .on('accessRequests')
      .columns(['tenantId', 'status'])
      .execute()
  },
}
