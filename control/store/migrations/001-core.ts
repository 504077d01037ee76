// The first tables of the store. Must never be changed once released: later changes are later migrations.
import type { CreateTableBuilder, Kysely } from 'kysely'

type Column = 'text' | 'text?' | 'number' | 'number?'
const tables: readonly {
  readonly name: string
  readonly columns: Readonly<Record<string, Column>>
  readonly primary: readonly string[]
  readonly unique?: readonly (readonly string[])[]
  readonly indexes?: readonly (readonly string[])[]
}[] = [
  {
    name: 'tenants',
    columns: {
      id: 'text',
      name: 'text',
      displayName: 'text',
      parentId: 'text?',
      status: 'text',
      isProvider: 'number',
      createdAtMs: 'number',
    },
    primary: ['id'],
    unique: [['name']],
  },
  {
    name: 'secretIndex',
    columns: { hash: 'text', tenantId: 'text', kind: 'text' },
    primary: ['hash'],
    indexes: [['tenantId']],
  },
  {
    name: 'hosts',
    columns: { host: 'text', tenantId: 'text', appId: 'text' },
    primary: ['host'],
    indexes: [['tenantId']],
  },
  {
    name: 'exchanges',
    columns: {
      id: 'text',
      name: 'text',
      keyThumbprint: 'text',
      status: 'text',
      address: 'text',
      software: 'text',
      assertionKey: 'text?',
      journalKeys: 'text',
      tenantIds: 'text?',
      createdAtMs: 'number',
      lastSeenAtMs: 'number?',
      certificateUntilMs: 'number?',
    },
    primary: ['id'],
  },
  { name: 'settings', columns: { name: 'text', value: 'text' }, primary: ['name'] },
  { name: 'tenantSettings', columns: { tenantId: 'text', value: 'text' }, primary: ['tenantId'] },
  { name: 'sequences', columns: { tenantId: 'text', lastSequence: 'number' }, primary: ['tenantId'] },
  {
    name: 'changes',
    columns: { tenantId: 'text', sequence: 'number', atMs: 'number', change: 'text' },
    primary: ['tenantId', 'sequence'],
  },
  {
    name: 'resources',
    columns: {
      tenantId: 'text',
      id: 'text',
      kind: 'text',
      name: 'text',
      spec: 'text',
      version: 'number',
      createdAtMs: 'number',
      updatedAtMs: 'number',
      derived: 'text?',
      sealed: 'text?',
    },
    primary: ['tenantId', 'id'],
    unique: [['tenantId', 'kind', 'name']],
  },
  {
    name: 'identities',
    columns: { tenantId: 'text', issuer: 'text', subject: 'text', userId: 'text', source: 'text' },
    primary: ['tenantId', 'issuer', 'subject'],
    indexes: [['tenantId', 'userId']],
  },
  {
    name: 'devices',
    columns: {
      tenantId: 'text',
      id: 'text',
      name: 'text',
      userId: 'text',
      keyThumbprint: 'text',
      posture: 'number',
      os: 'text',
      status: 'text',
      certificateUntilMs: 'number?',
      createdAtMs: 'number',
    },
    primary: ['tenantId', 'id'],
    unique: [['tenantId', 'userId', 'keyThumbprint']],
  },
  {
    name: 'connectors',
    columns: {
      tenantId: 'text',
      id: 'text',
      name: 'text',
      groupId: 'text',
      keyThumbprint: 'text',
      status: 'text',
      certificateUntilMs: 'number?',
      createdAtMs: 'number',
    },
    primary: ['tenantId', 'id'],
  },
  {
    name: 'sessions',
    columns: {
      tenantId: 'text',
      id: 'text',
      userId: 'text',
      deviceId: 'text?',
      door: 'text',
      factors: 'text',
      ip: 'text',
      createdAtMs: 'number',
      expiresAtMs: 'number',
      lastSeenAtMs: 'number',
      endedAtMs: 'number?',
      endReason: 'text?',
    },
    primary: ['tenantId', 'id'],
    indexes: [
      ['tenantId', 'userId'],
      ['tenantId', 'expiresAtMs'],
    ],
  },
  {
    name: 'enrolmentTokens',
    columns: {
      tenantId: 'text',
      id: 'text',
      hash: 'text',
      use: 'text',
      target: 'text',
      targetId: 'text?',
      createdBy: 'text',
      createdAtMs: 'number',
      expiresAtMs: 'number',
      usedAtMs: 'number?',
    },
    primary: ['tenantId', 'id'],
    unique: [['tenantId', 'hash']],
  },
  {
    name: 'apiTokens',
    columns: {
      tenantId: 'text',
      id: 'text',
      hash: 'text',
      name: 'text',
      role: 'text',
      createdBy: 'text',
      createdAtMs: 'number',
      expiresAtMs: 'number',
      lastUsedAtMs: 'number?',
    },
    primary: ['tenantId', 'id'],
    unique: [['tenantId', 'hash']],
  },
  {
    name: 'roles',
    columns: { tenantId: 'text', userId: 'text', role: 'text', grantedBy: 'text', createdAtMs: 'number' },
    primary: ['tenantId', 'userId'],
  },
  {
    name: 'accessRequests',
    columns: {
      tenantId: 'text',
      id: 'text',
      userId: 'text',
      appId: 'text',
      reason: 'text',
      status: 'text',
      createdAtMs: 'number',
      decidedBy: 'text?',
      decidedAtMs: 'number?',
      accessUntilMs: 'number?',
    },
    primary: ['tenantId', 'id'],
    indexes: [['tenantId', 'userId']],
  },
  {
    name: 'approvals',
    columns: {
      tenantId: 'text',
      id: 'text',
      userId: 'text',
      appId: 'text',
      approvedBy: 'text',
      requestId: 'text?',
      createdAtMs: 'number',
      expiresAtMs: 'number',
    },
    primary: ['tenantId', 'id'],
  },
  {
    name: 'containments',
    columns: {
      tenantId: 'text',
      id: 'text',
      subjectKind: 'text',
      subjectId: 'text',
      subjectName: 'text',
      reason: 'text',
      ownerId: 'text',
      createdAtMs: 'number',
      expiresAtMs: 'number',
    },
    primary: ['tenantId', 'id'],
  },
  {
    name: 'keys',
    columns: {
      tenantId: 'text',
      id: 'text',
      purpose: 'text',
      sealed: 'text',
      publicPem: 'text',
      createdAtMs: 'number',
      retiredAtMs: 'number?',
    },
    primary: ['tenantId', 'id'],
  },
]

export const coreMigration = {
  name: '001-core',
  up: async (db: Kysely<unknown>): Promise<void> => {
    for (const table of tables) {
      let builder: CreateTableBuilder<string, string> = db.schema.createTable(table.name)
      for (const [name, type] of Object.entries(table.columns)) {
        builder = builder.addColumn(name, type.startsWith('text') ? 'text' : 'bigint', (column) => {
          const bound = type.endsWith('?') ? column : column.notNull()
          // A row of a tenant that does not exist would be a row that nobody can find again.
          return name === 'tenantId' ? bound.references('tenants.id') : bound
        })
      }
      builder = builder.addPrimaryKeyConstraint(`${table.name}Key`, [...table.primary])
      for (const columns of table.unique ?? [])
        builder = builder.addUniqueConstraint(`${table.name}_${columns.join('_')}`, [...columns])
      await builder.execute()
      for (const columns of table.indexes ?? [])
        await db.schema
          .createIndex(`${table.name}_by_${columns.join('_')}`)
          .on(table.name)
          .columns([...columns])
          .execute()
    }
  },
}
