// Every change of policies and their tests as a version: who, when, why, and each document before and after.
// Must never be written apart from the change itself, and never keep what a document does not show (secrets are apart).
import { Fault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'
import { inParts } from '#control/store/store.ts'
import type { TenantHandle } from '#control/store/tenant-handle.ts'
import type { Plan, ResourceKey } from './plan.ts'

const kept = ['Policy', 'PolicyTest'] as const
export type KeptKind = (typeof kept)[number]

export type VersionFacts = {
  readonly by: string
  readonly why: string | null
  readonly approvedBy: string | null
  readonly restores: number | null
  readonly atMs: number
}

/** JSON of the spec, or null where there is none. */
export type Difference = {
  readonly kind: string
  readonly name: string
  readonly before: string | null
  readonly after: string | null
}

export function isKeptKind(kind: string): kind is KeptKind {
  return kept.some((one) => one === kind)
}

/** Inside the transaction of the change, which is the only one of this tenant. */
export async function keepPolicyVersion(tx: TenantHandle, plan: Plan, facts: VersionFacts): Promise<void> {
  const changes: Difference[] = [
    ...plan.puts.map(({ before, after }) => ({ ...keyOf(after), before: before?.spec ?? null, after: after.spec })),
    ...plan.deletes.map((row) => ({ ...keyOf(row), before: row.spec, after: null })),
  ].filter(({ kind }) => isKeptKind(kind))
  if (changes.length === 0) return
  const version = (await newestVersion(tx)) + 1
  const bytes = changes.reduce((sum, { before, after }) => sum + (before?.length ?? 0) + (after?.length ?? 0), 0)
  await tx.insertInto('policyVersions', { version, ...facts, bytes }).execute()
  for (const part of inParts(changes))
    await tx
      .insertInto(
        'policyChanges',
        part.map((change) => ({ version, ...change })),
      )
      .execute()
  await forgetOldest(tx, version)
}

const keyOf = ({ kind, name }: { readonly kind: string; readonly name: string }) => ({ kind, name })

export async function newestVersion(tx: TenantHandle): Promise<number> {
  const row = await tx
    .selectFrom('policyVersions')
    .select('policyVersions.version')
    .orderBy('policyVersions.version', 'desc')
    .limit(1)
    .executeTakeFirst()
  return Number(row?.version ?? 0)
}

async function forgetOldest(tx: TenantHandle, newest: number): Promise<void> {
  const rows = await tx
    .selectFrom('policyVersions')
    .select(['policyVersions.version', 'policyVersions.bytes'])
    .orderBy('policyVersions.version', 'desc')
    .execute()
  let bytes = 0
  const surplus = rows.find((row, at) => {
    bytes += Number(row.bytes)
    return at > 0 && (at >= caps.policyVersions.default || bytes > caps.policyVersionBytes.default)
  })
  if (surplus === undefined || Number(surplus.version) >= newest) return
  const last = Number(surplus.version)
  await tx.deleteFrom('policyChanges').where('policyChanges.version', '<=', last).execute()
  await tx.deleteFrom('policyVersions').where('policyVersions.version', '<=', last).execute()
}

/**
 * The documents whose spec differs between two versions, by kind and name; `from` may be the newer one.
 * Throws `not-found` for a version that never was or is no longer kept.
 */
export async function policyDifferences(
  tx: TenantHandle,
  from: number,
  to: number,
): Promise<{ readonly differences: readonly Difference[]; readonly total: number }> {
  const [low, high] = from < to ? [from, to] : [to, from]
  await requireKept(tx, low, high)
  const touched = await tx
    .selectFrom('policyChanges')
    .select(['policyChanges.version', 'policyChanges.kind', 'policyChanges.name'])
    .where('policyChanges.version', '>', low)
    .where('policyChanges.version', '<=', high)
    .orderBy('policyChanges.version')
    .execute()
  const spans = new Map<string, { readonly key: ResourceName; readonly first: number; last: number }>()
  for (const { kind, name, version } of touched) {
    const span = spans.getOrInsertComputed(`${kind} ${name}`, () => ({
      key: { kind, name },
      first: Number(version),
      last: Number(version),
    }))
    span.last = Number(version)
  }
  const differences: Difference[] = []
  let total = 0
  for (const [, { key, first, last }] of [...spans].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const older = (await changeOf(tx, key, first)).before
    const newer = (await changeOf(tx, key, last)).after
    if (older === newer) continue
    total++
    if (differences.length < caps.policyDifferences.default)
      differences.push({
        ...key,
        ...(from <= to ? { before: older, after: newer } : { before: newer, after: older }),
      })
  }
  return { differences, total }
}

type ResourceName = { readonly kind: string; readonly name: string }

async function changeOf(tx: TenantHandle, { kind, name }: ResourceName, version: number) {
  return tx
    .selectFrom('policyChanges')
    .select(['policyChanges.before', 'policyChanges.after'])
    .where('policyChanges.version', '=', version)
    .where('policyChanges.kind', '=', kind)
    .where('policyChanges.name', '=', name)
    .executeTakeFirstOrThrow()
}

async function requireKept(tx: TenantHandle, low: number, high: number): Promise<void> {
  const newest = await newestVersion(tx)
  if (high > newest) throw new Fault('not-found', { hint: `The newest version is ${newest}.` })
  const oldest = await tx
    .selectFrom('policyVersions')
    .select('policyVersions.version')
    .orderBy('policyVersions.version')
    .limit(1)
    .executeTakeFirst()
  const first = Number(oldest?.version ?? 1)
  if (low < first - 1) throw new Fault('not-found', { hint: `The oldest version that is kept is ${first}.` })
}

/** What an apply has to put and to delete so that all is as it was at `version`. Throws as `policyDifferences`. */
export async function wayBackTo(
  tx: TenantHandle,
  version: number,
): Promise<{ readonly documents: readonly unknown[]; readonly deletes: readonly ResourceKey[] }> {
  const { differences, total } = await policyDifferences(tx, await newestVersion(tx), version)
  if (total > differences.length)
    throw new Fault('at-capacity', { hint: `${total} documents differ; apply them from your own files.` })
  const documents: unknown[] = []
  const deletes: ResourceKey[] = []
  for (const { kind, name, after } of differences) {
    if (!isKeptKind(kind)) continue
    if (after === null) deletes.push({ kind, name })
    else documents.push({ kind, name, spec: JSON.parse(after) })
  }
  return { documents, deletes }
}
