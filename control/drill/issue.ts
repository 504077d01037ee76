// The drill issuer: makes what a scenario needs, as ordinary users, apps and policies, and the ledger that knows better.
// Must never join a drill identity to anything that the drill did not make itself.
import type { Scenario } from '#core/drill/scenario.ts'
import { Fault } from '#core/fault.ts'
import { newId } from '#core/ids.ts'
import type { TenantRecords } from '#core/records/records.ts'
import { hashSecret } from '#control/api/principal.ts'
import { ENROLMENT_TOKEN_PREFIX, newToken } from '#control/api/handlers/administration.ts'
import { caps } from '#control/caps.ts'
import type { ControlContext } from '#control/context.ts'
import { resourceRecords, type Row } from '#control/records/from-rows.ts'
import { readTenant, resolver } from '#control/records/load.ts'
import { applyResources, type Applied } from '#control/resources/apply.ts'
import type { Document } from '#control/resources/document.ts'
import { spanMs } from '#core/drill/scenario.ts'
import { sealLedger, type Ledger } from './ledger.ts'
import { OrdinaryNames } from './ordinary-names.ts'
import { digestOfOthers, proveSafe, type Proof } from './safety.ts'

export type Issued = {
  readonly row: Row<'drills'>
  readonly ledger: Ledger
  /** Without its pin. */
  readonly connectorSecret: string
  readonly applied: Applied
}

export type Issue = {
  readonly tenantId: string
  readonly scenario: Scenario
  /** App handle → loopback port of its canary. */
  readonly ports: Readonly<Record<string, number>>
  readonly startedBy: string
  /** Name of whoever starts it: the sponsor of a third party that is made. */
  readonly sponsor: string
}

const HTTP_PORT = 80
const TCP_PORTS = [5432, 3306, 8443, 2222, 9090]

/** Thrown to roll back what was made to look at it. */
class Looked extends Error {}

/** The proof alone: everything is made in a transaction that is then rolled back. Throws as `issueDrill`. */
export async function proveScenario(issue: Omit<Issue, 'ports'>, context: ControlContext): Promise<Proof> {
  const ports = mapValues(issue.scenario.apps, () => 1)
  let proof: Proof | undefined
  await issueDrill({ ...issue, ports }, context, (found) => {
    proof = found
    throw new Looked()
  }).catch((error: unknown) => {
    if (!(error instanceof Looked)) throw error
  })
  if (!proof) throw new Fault('internal')
  return proof
}

/** Throws Fault `drill-unsafe`, `drill-running`, `document-invalid`. Nothing is left behind when it throws. */
export async function issueDrill(
  issue: Issue,
  context: ControlContext,
  onProof: (proof: Proof) => void = () => {},
): Promise<Issued> {
  const { tenantId, scenario } = issue
  const before = await context.store.forTenant(tenantId).selectFrom('resources').selectAll().execute()
  const isTabletop = scenario.level === 'tabletop'
  const made: Made = isTabletop
    ? { documents: [], actors: {}, apps: {}, connectorGroup: '' }
    : documentsFor(issue, before)
  const nowMs = context.nowMs()
  const endsAtMs = nowMs + Math.min(spanMs(scenario.within), caps.drillMs.default)
  const connectorSecret = newToken(ENROLMENT_TOKEN_PREFIX)
  const drillId = newId('drill')
  let result: { readonly row: Row<'drills'>; readonly ledger: Ledger } | undefined
  const applied = await applyResources(
    tenantId,
    { documents: made.documents.map((value, index) => ({ at: `drill[${index}]`, value })) },
    context,
    async (tx, plan) => {
      const running = await tx.selectFrom('drills').select('drills.id').where('drills.endedAtMs', 'is', null).execute()
      if (running.length > 0) throw new Fault('drill-running')
      if (plan.puts.some((put) => put.before !== undefined)) throw new Fault('name-taken')
      const rows = await tx.selectFrom('resources').selectAll().execute()
      const own = plan.puts.map(({ after }) => after)
      const idOf = (kind: string, name: string) => own.find((row) => row.kind === kind && row.name === name)?.id ?? ''
      const actors = mapValues(made.actors, (name) => ({ userId: idOf('User', name), name }))
      const apps = mapValues(made.apps, (app) => ({ ...app, appId: idOf('App', app.name) }))
      const tenant = await readTenant(tx)
      const names = { resolve: resolver(rows), tenantName: tenant.name, appsDomain: context.config.appsDomain }
      const records: TenantRecords[] = rows.flatMap((row) => resourceRecords(row, names))
      const ownIds = {
        userIds: new Set(Object.values(actors).map(({ userId }) => userId)),
        appIds: new Set(Object.values(apps).map(({ appId }) => appId)),
      }
      const connectorGroupId = idOf('ConnectorGroup', made.connectorGroup)
      const enrolmentTokenId = newId('enrolmentToken')
      const ledger: Ledger = {
        scenario,
        actors,
        apps,
        connectorGroupId,
        enrolmentTokenId,
        resources: own.map(({ kind, name, id }) => ({ kind, name, id })),
        digest: digestOfOthers(rows, new Set(own.map(({ id }) => id))),
        proof: proveSafe(records, ownIds),
      }
      onProof(ledger.proof)
      const hash = hashSecret(connectorSecret)
      // Words need no connector.
      if (!isTabletop)
        await tx
          .insertInto('enrolmentTokens', {
            id: enrolmentTokenId,
            hash,
            use: 'connector',
            target: made.connectorGroup,
            targetId: connectorGroupId,
            createdBy: issue.startedBy,
            createdAtMs: nowMs,
            expiresAtMs: endsAtMs,
            usedAtMs: null,
          })
          .execute()
      if (!isTabletop) await tx.provider.insertInto('secretIndex', { hash, tenantId, kind: 'enrolmentToken' }).execute()
      const row: Row<'drills'> = {
        tenantId,
        id: drillId,
        sealed: sealLedger(tenantId, drillId, ledger, context),
        startedBy: issue.startedBy,
        startedAtMs: nowMs,
        endsAtMs,
        aliveAtMs: nowMs,
        endedAtMs: null,
        endReason: null,
        restored: null,
        report: null,
      }
      await tx.insertInto('drills', row).execute()
      result = { row, ledger }
    },
  )
  if (!result) throw new Fault('internal')
  return { ...result, connectorSecret, applied }
}

type Made = {
  readonly documents: readonly Document[]
  readonly actors: Readonly<Record<string, string>>
  readonly apps: Readonly<Record<string, { readonly name: string; readonly host: string; readonly port: number }>>
  readonly connectorGroup: string
}

function documentsFor({ scenario, ports, sponsor }: Issue, rows: readonly Row<'resources'>[]): Made {
  const users = rows.filter(({ kind }) => kind === 'User').map(({ name }) => name)
  const names = new OrdinaryNames(
    users,
    rows.map(({ name }) => name),
  )
  const connectorGroup = names.group().name
  const suffix = commonSuffix(rows)
  const organisation = names.group().name
  const people = mapValues(scenario.actors, (actor) => ({ ...names.user(), actor }))
  const apps = mapValues(scenario.apps, ({ kind, open, decoy }, handle) => {
    const { name, displayName } = names.app()
    const upstreamPort = ports[handle]
    if (upstreamPort === undefined)
      throw new Fault('document-invalid', { hint: `There is no port for the app ${handle}.` })
    const port = kind === 'http' ? HTTP_PORT : (TCP_PORTS[name.length % TCP_PORTS.length] ?? 8443)
    return { name, displayName, kind, open, decoy: decoy === true, port, upstreamPort, host: `${name}.${suffix}` }
  })
  const nameOf = (actor: string) => people[actor]?.name ?? ''
  const outside = Object.values(people).filter(({ actor }) => actor.thirdParty === true)
  const day = 86_400_000
  const documents: Document[] = [
    { kind: 'ConnectorGroup', name: connectorGroup, spec: {} },
    ...(outside.length === 0
      ? []
      : [
          {
            kind: 'Organisation' as const,
            name: organisation,
            spec: {
              sponsor,
              from: new Date(Date.now() - 30 * day).toISOString(),
              until: new Date(Date.now() + 60 * day).toISOString(),
              apps: Object.values(apps).map(({ name }) => name),
            },
          },
        ]),
    ...Object.values(people).map(({ name, displayName, actor }) => ({
      kind: 'User' as const,
      name,
      spec: { displayName, ...(actor.thirdParty === true && { organisation }) },
    })),
    ...Object.values(apps).map(({ name, displayName, kind, decoy, upstreamPort, host, port }) => ({
      kind: 'App' as const,
      name,
      spec: {
        displayName,
        kind,
        connectorGroup,
        ...(decoy && { decoy }),
        names: [{ host, ports: [String(port)] }],
        upstream: { host: '127.0.0.1', port: upstreamPort },
      },
    })),
    ...Object.values(apps)
      .filter(({ open }) => open.length > 0)
      .map(({ name, open }) => ({
        kind: 'Policy' as const,
        name: `${name}-people`.slice(0, 60),
        spec: { text: open.map((actor) => permit(nameOf(actor), name)).join('\n') },
      })),
  ]
  return {
    documents: [
      ...documents,
      { kind: 'Policy', name: `${connectorGroup}-web`.slice(0, 60), spec: { text: noWeb(people) } },
    ],
    actors: mapValues(people, ({ name }) => name),
    apps: mapValues(apps, ({ name, host, port }) => ({ name, host, port })),
    connectorGroup,
  }
}

function permit(user: string, app: string): string {
  return `permit (principal == User::${JSON.stringify(user)}, action in [Action::"connect", Action::"request"], resource == App::${JSON.stringify(app)});`
}

/** Whatever the tenant lets everybody browse, drill identities reach nothing that is not theirs. */
function noWeb(people: Readonly<Record<string, { readonly name: string }>>): string {
  return Object.values(people)
    .map(
      ({ name }) =>
        `forbid (principal == User::${JSON.stringify(name)}, action in [Action::"browse", Action::"upload", Action::"download"], resource);`,
    )
    .join('\n')
}

/** The domain under which most apps of the tenant have their names. */
function commonSuffix(rows: readonly Row<'resources'>[]): string {
  const counts = new Map<string, number>()
  for (const { kind, spec } of rows) {
    if (kind !== 'App') continue
    const hosts = [...spec.matchAll(/"host":"[a-z0-9-]+\.([a-z0-9.-]+)"/g)].map(([, rest]) => rest ?? '')
    for (const host of hosts) if (/[a-z]/.test(host)) counts.set(host, (counts.get(host) ?? 0) + 1)
  }
  const [best] = [...counts].toSorted((left, right) => right[1] - left[1])
  return best?.[0] ?? 'corp.internal'
}

function mapValues<V, W>(record: Readonly<Record<string, V>>, to: (value: V, key: string) => W): Record<string, W> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, to(value, key)]))
}
