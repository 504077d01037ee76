// Commands for the lake of a data folder: compact, status, query, verify. They start the lake's own process and end it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import type { EventFilter } from '#lake/filter.ts'
import type { GroupField } from '#lake/count.ts'
import type { Lake } from '#lake/lake.ts'
import { apiOptions, type Command, type Input, parseDuration, UsageFault } from '#cli/command.ts'
import { safe, table, write, writeError, writeJson } from '#cli/output.ts'

const folderOptions = {
  data: { type: 'string', help: 'data folder of the control plane (holds journal/ and lake/)' },
  tenant: { type: 'string', help: 'only this tenant (id)' },
  json: { type: 'boolean', help: 'write JSON for machines' },
} as const

type Place = { readonly lake: Lake; readonly tenants: readonly TenantId[]; readonly keysFile: string }

/** Opens the lake of `--data`, runs, and ends its process. */
async function withLake(input: Input, command: Command, work: (place: Place) => Promise<number>): Promise<number> {
  const data = input.text('data')
  if (data === undefined) throw new UsageFault('--data is needed', command)
  // An all-in-one data folder holds the control plane's below itself.
  const folder = existsSync(join(data, 'control', 'journal')) ? join(data, 'control') : data
  const [journalRoot, lakeFolder] = [join(folder, 'journal'), join(folder, 'lake')]
  if (!existsSync(journalRoot) && !existsSync(lakeFolder))
    throw new Fault('not-found', { hint: `${data} holds neither a journal nor a lake.` })
  const wanted = input.text('tenant')
  if (wanted !== undefined && !isId('tenant', wanted))
    throw new Fault('request-malformed', {
      hint: '--tenant takes an id (ten_…); "sallyport lake status --data FOLDER" lists them.',
    })
  const { openLake } = await import('#lake/lake.ts')
  const { listLakeTenants } = await import('#lake/layout.ts')
  const { listTenants } = await import('#journal/layout.ts')
  const all = new Set([...(await listTenants(journalRoot)), ...(await listLakeTenants(lakeFolder))])
  const tenants = wanted === undefined ? [...all].toSorted() : [wanted]
  const report = ({ detail }: { detail: object }) => writeError(`The lake's process ended: ${JSON.stringify(detail)}`)
  await using lake = openLake({ folder: lakeFolder, journalRoot }, { report })
  return await work({ lake, tenants, keysFile: join(journalRoot, 'keys.json') })
}

export const lakeCompact: Command = {
  usage: 'lake compact --data FOLDER',
  summary: 'turn sealed journal segments into Parquet files; removes nothing from the journal',
  options: folderOptions,
  positionals: [0, 0],
  run: (input) =>
    withLake(input, lakeCompact, async ({ lake, tenants, keysFile }) => {
      const { readKeyFile } = await import('#lake/key-file.ts')
      const keys = await readKeyFile(keysFile)
      const done = []
      for (const tenant of tenants) done.push({ tenant, ...(await lake.compact(tenant, keys, input.signal)) })
      if (input.isJson) writeJson(done)
      else {
        const rows = done.map((one) => [one.tenant, one.rows, one.files, one.bytes, one.merged, one.problems.length])
        write(table(['TENANT', 'EVENTS', 'FILES', 'BYTES', 'MERGED', 'PROBLEMS'], rows))
        for (const { tenant, problems, sweep } of done) {
          for (const { kind, writer, sequence, detail } of problems)
            write(`${tenant}/${writer} at ${sequence}: ${kind}: ${safe(detail)}`)
          for (const name of sweep?.setAside ?? []) write(`${tenant}: ${name} is explained by nothing: set aside`)
        }
      }
      return done.every(({ problems }) => problems.length === 0) ? 0 : 1
    }),
}

export const lakeStatus: Command = {
  usage: 'lake status --data FOLDER',
  summary: 'what the lake holds, and what of the journal is not in it yet',
  options: folderOptions,
  positionals: [0, 0],
  run: (input) =>
    withLake(input, lakeStatus, async ({ lake, tenants }) => {
      const found = await Promise.all(tenants.map((tenant) => lake.status(tenant)))
      if (input.isJson) writeJson(found)
      else
        write(
          table(
            ['TENANT', 'EVENTS', 'FILES', 'BYTES', 'FROM', 'TO', 'REMOVED BEFORE', 'WAITING BYTES'],
            found.map((one) => [
              one.tenant,
              one.rows,
              one.files,
              one.bytes,
              one.firstDay,
              one.lastDay,
              one.removedBefore,
              one.writers.reduce((sum, { waitingBytes }) => sum + waitingBytes, 0),
            ]),
          ),
        )
      return 0
    }),
}

export const lakeVerify: Command = {
  usage: 'lake verify --data FOLDER',
  summary: 'hash every file, count its rows, recompute every chain from them; exit code 1 when anything is wrong',
  options: folderOptions,
  positionals: [0, 0],
  run: (input) =>
    withLake(input, lakeVerify, async ({ lake, tenants, keysFile }) => {
      const { readKeyFile } = await import('#lake/key-file.ts')
      const keys = await readKeyFile(keysFile)
      const reports = []
      for (const tenant of tenants) reports.push(await lake.verify(tenant, keys, input.signal))
      const isIntact = reports.every(({ problems }) => problems.length === 0)
      if (input.isJson) writeJson({ isIntact, tenants: reports })
      else {
        const rows = reports.flatMap(({ tenant, chains }) =>
          chains.map((chain) => [
            tenant,
            chain.writer,
            chain.through,
            chain.provenRows,
            chain.unprovenRows,
            chain.removedRows,
            chain.missedRows,
          ]),
        )
        write(table(['TENANT', 'WRITER', 'THROUGH', 'PROVEN', 'NOT PROVEN', 'REMOVED', 'MISSED'], rows))
        for (const { tenant, problems } of reports)
          for (const { kind, where, detail } of problems) write(`${tenant} ${where}: ${kind}: ${safe(detail)}`)
        write(isIntact ? 'Intact.' : 'NOT intact.')
      }
      return isIntact ? 0 : 1
    }),
}

const listOptions = {
  user: { type: 'string', multiple: true, help: 'of this user (name or id); may be given several times' },
  org: { type: 'string', multiple: true, help: 'of people of this third party' },
  device: { type: 'string', multiple: true, help: 'from this device (id)' },
  session: { type: 'string', multiple: true, help: 'of the session with this id' },
  source: { type: 'string', multiple: true, help: 'from this address' },
  app: { type: 'string', multiple: true, help: 'about this app (name or id)' },
  host: { type: 'string', multiple: true, help: 'to this host' },
  policy: { type: 'string', multiple: true, help: 'decided by this policy (name or id)' },
  reason: { type: 'string', multiple: true, help: 'denied for this reason' },
} as const

export const lakeQuery: Command = {
  usage: 'lake query --data FOLDER --tenant ID',
  summary: 'events of a tenant, newest first, or counts of them with --by',
  options: {
    since: { type: 'string', help: 'no older than 90s, 15m, 12h, 30d' },
    class: { type: 'string', multiple: true, help: 'OCSF class_uid, e.g. 3003' },
    decision: { type: 'string', help: 'allow or deny' },
    ...listOptions,
    search: { type: 'string', help: 'text in names, host, path, reason, target or message; case does not matter' },
    by: { type: 'string', multiple: true, help: 'count by user, app, decision, policy, hour, day …; up to three' },
    limit: { type: 'string', help: 'how many (default 50, at most 1000)' },
    after: { type: 'string', help: 'go on after a page: its "next"' },
    oldest: { type: 'boolean', help: 'oldest first' },
    ...folderOptions,
  },
  positionals: [0, 0],
  run: (input) =>
    withLake(input, lakeQuery, async ({ lake, tenants }) => {
      const [tenant] = tenants
      if (tenant === undefined || input.text('tenant') === undefined)
        throw new UsageFault('--tenant is needed', lakeQuery)
      const filter = filterOf(input, tenant)
      const limit = Number(input.text('limit') ?? 50)
      const by = input.list('by')
      if (by.length > 0) {
        // Fields that there are not are refused by the lake itself.
        const counts = await lake.counts({ ...filter, by: by as readonly GroupField[], limit }, input.signal)
        if (input.isJson) writeJson(counts)
        else {
          const rows = counts.groups.map(({ key, count, lastMs }) => [...key, count, new Date(lastMs).toISOString()])
          write(table([...by.map((name) => name.toUpperCase()), 'EVENTS', 'LAST'], rows))
          if (counts.isCut) write('There are more groups: raise --limit.')
        }
        return 0
      }
      const after = input.text('after')
      const order = input.flag('oldest') ? 'oldest-first' : 'newest-first'
      const page = await lake.events({ ...filter, order, limit, ...(after !== undefined && { after }) }, input.signal)
      if (input.isJson)
        writeJson({ ...page, items: page.items.map(({ json, ...one }) => ({ ...one, event: JSON.parse(json) })) })
      else {
        for (const { json } of page.items) write(safe(json))
        if (page.next !== null) write(`More: --after ${page.next}`)
      }
      if (page.badLines > 0) writeError(`${page.badLines} lines of the journal could not be read: run journal verify.`)
      return 0
    }),
}

function filterOf(input: Input, tenant: TenantId): EventFilter {
  const since = input.text('since')
  const search = input.text('search')
  const decision = input.text('decision')
  if (decision !== undefined && decision !== 'allow' && decision !== 'deny')
    throw new UsageFault('--decision is allow or deny', lakeQuery)
  const named = (option: keyof typeof listOptions, name: keyof EventFilter): object => {
    const values = input.list(option)
    return values.length > 0 ? { [name]: values } : {}
  }
  const classUids = input.list('class').map(Number)
  return {
    tenant,
    ...(since !== undefined && { sinceMs: Date.now() - parseDuration(since) * 1000 }),
    ...(classUids.length > 0 && { classUids }),
    ...(decision !== undefined && { decision }),
    ...(search !== undefined && { text: { contains: search } }),
    ...named('user', 'users'),
    ...named('org', 'organisations'),
    ...named('device', 'devices'),
    ...named('session', 'sessions'),
    ...named('source', 'sources'),
    ...named('app', 'apps'),
    ...named('host', 'destinations'),
    ...named('policy', 'policies'),
    ...named('reason', 'reasons'),
  }
}

export const lakeRetention: Command = {
  usage: 'lake retention [DAYS]',
  summary: 'how long events of the tenant are kept; with a number of days, or "forever", sets it',
  options: apiOptions,
  positionals: [0, 1],
  async run(input) {
    const [wanted] = input.words
    if (wanted !== undefined && wanted !== 'forever' && !/^[1-9]\d{0,4}$/.test(wanted))
      throw new UsageFault('DAYS is a whole number of days, or "forever"', lakeRetention)
    const api = input.api()
    const { retentionDays } =
      wanted === undefined
        ? await api.call('getSettings')
        : await api.call('changeSettings', { body: { retentionDays: wanted === 'forever' ? null : Number(wanted) } })
    if (input.isJson) writeJson({ retentionDays })
    else write(retentionDays === null ? 'Events are kept for ever.' : `Events are kept for ${retentionDays} days.`)
    return 0
  },
}
