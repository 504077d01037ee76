// What applying documents would do to the rows as they stand: which are made, changed, deleted, and every fault.
// Pure over what it is given; writes nothing.
import { newId } from '#core/ids.ts'
import type * as z from 'zod'
import type { applyChange } from '#core/api/views.ts'
import { resourceKinds, type ResourceKind } from '#core/resources/kinds.ts'
import type { Document } from './document.ts'
import { browserHostOf, kindOf, type Row } from '#control/records/from-rows.ts'
import { changedFields } from './difference.ts'
import type { CheckedDocuments } from './check-policies.ts'
import type { DocumentFault, Placed } from './document-faults.ts'
import { nameConflicts } from './name-claims.ts'
import { referencesOf } from './references.ts'
import { ruleFaults, type NextState } from './rules.ts'

export type ApplyChange = z.infer<typeof applyChange>
export type ResourceRow = Row<'resources'>
export type ResourceKey = { readonly kind: ResourceKind; readonly name: string }

export type Plan = {
  readonly changes: readonly ApplyChange[]
  /** Rows to be written, in a form in which every reference resolves once all are there. */
  readonly puts: readonly { readonly before: ResourceRow | undefined; readonly after: ResourceRow }[]
  readonly deletes: readonly ResourceRow[]
  readonly faults: readonly DocumentFault[]
}

export type PlanInput = {
  readonly rows: readonly ResourceRow[]
  readonly documents: readonly Placed<Document>[]
  readonly deletes: readonly ResourceKey[]
  /** Also delete rows of the kinds present that no document names. */
  readonly prune: boolean
  readonly checked: CheckedDocuments
  readonly ownHosts: readonly string[]
  readonly tenantName: string
  readonly appsDomain: string
  readonly tenantId: string
  readonly nowMs: number
  readonly sealSecret: (secret: string, resourceId: string) => string
  readonly sameSecret: (sealed: string | null, secret: string, resourceId: string) => boolean
}

const keyOf = ({ kind, name }: { readonly kind: string; readonly name: string }) => `${kind} ${name}`

export function planApply(input: PlanInput): Plan {
  const before = new Map(input.rows.map((row) => [keyOf(row), row]))
  const listed = new Set(input.documents.map(({ value }) => keyOf(value)))
  const kinds = new Set<string>(input.documents.map(({ value }) => value.kind))
  const asked = new Set(input.deletes.map(keyOf))
  const deletes = input.rows.filter(
    (row) => asked.has(keyOf(row)) || (input.prune && kinds.has(row.kind) && !listed.has(keyOf(row))),
  )
  const gone = new Set(deletes.map(keyOf))
  const next = nextState(input, gone)
  const faults = [...ruleFaults(input.documents, next), ...referrerFaults(input, listed, gone)]
  const puts: { before: ResourceRow | undefined; after: ResourceRow }[] = []
  const changes: ApplyChange[] = []
  for (const { value } of input.documents) {
    const old = before.get(keyOf(value))
    const { row, fields } = nextRow(input, value, old)
    const action = old === undefined ? 'create' : fields.length > 0 ? 'update' : 'unchanged'
    changes.push({ kind: value.kind, name: value.name, action, fields })
    if (action !== 'unchanged') puts.push({ before: old, after: row })
  }
  for (const { kind, name } of deletes) changes.push({ kind, name, action: 'delete', fields: [] })
  return { changes, puts, deletes, faults }
}

function nextRow(
  input: PlanInput,
  document: Document,
  old: ResourceRow | undefined,
): { readonly row: ResourceRow; readonly fields: string[] } {
  const id = old?.id ?? newId(resourceKinds[document.kind].id)
  const { clientSecret, bearerToken, ...spec } = { clientSecret: undefined, bearerToken: undefined, ...document.spec }
  const secret = clientSecret ?? bearerToken
  const isNewSecret = secret !== undefined && !input.sameSecret(old?.sealed ?? null, secret, id)
  const derived =
    document.kind === 'Policy' ? JSON.stringify(input.checked.get(document.name) ?? []) : (old?.derived ?? null)
  const fields = changedFields(old === undefined ? {} : JSON.parse(old.spec), spec)
  if (isNewSecret) fields.push(clientSecret === undefined ? 'bearerToken' : 'clientSecret')
  return {
    row: {
      tenantId: input.tenantId,
      id,
      kind: document.kind,
      name: document.name,
      spec: JSON.stringify(spec),
      version: (old?.version ?? 0) + 1,
      createdAtMs: old?.createdAtMs ?? input.nowMs,
      updatedAtMs: input.nowMs,
      derived,
      sealed: isNewSecret ? input.sealSecret(secret, id) : (old?.sealed ?? null),
    },
    fields,
  }
}

function nextState(input: PlanInput, gone: ReadonlySet<string>): NextState {
  const listed = new Map(input.documents.map(({ value }) => [keyOf(value), value]))
  const keys = new Set(listed.keys())
  const groupParents = new Map<string, readonly string[]>()
  const browserHosts = new Map<string, string[]>()
  const apps: Extract<Document, { kind: 'App' }>[] = []
  const add = (document: Document) => {
    if (document.kind === 'Group') groupParents.set(document.name, document.spec.parents ?? [])
    if (document.kind !== 'App') return
    apps.push(document)
    const host = browserHostOf(document.name, document.spec, input)
    if (host !== null) browserHosts.getOrInsertComputed(host, () => []).push(document.name)
  }
  for (const row of input.rows) {
    const key = keyOf(row)
    if (gone.has(key) || listed.has(key)) continue
    keys.add(key)
    if (row.kind === 'Group' || row.kind === 'App') add(documentOf(row))
  }
  for (const document of listed.values()) add(document)
  const { tenantName, appsDomain } = input
  return {
    keys,
    groupParents,
    browserHosts,
    nameConflicts: nameConflicts(apps),
    ownHosts: new Set(input.ownHosts),
    tenantName,
    appsDomain,
  }
}

/** What stays may not refer to what goes. */
function referrerFaults(input: PlanInput, listed: ReadonlySet<string>, gone: ReadonlySet<string>): DocumentFault[] {
  if (gone.size === 0) return []
  return input.rows
    .filter((row) => !gone.has(keyOf(row)) && !listed.has(keyOf(row)))
    .flatMap((row) =>
      referencesOf(documentOf(row))
        .filter((reference) => gone.has(keyOf(reference)))
        .map((reference) => ({
          at: keyOf(reference),
          message: `${keyOf(row)} refers to it (${reference.path})`,
          code: 'still-referenced' as const,
        })),
    )
}

/** A stored row as the document it was; it was validated when it was written. */
export function documentOf(row: Pick<ResourceRow, 'kind' | 'name' | 'spec'>): Document {
  return { kind: kindOf(row), name: row.name, spec: JSON.parse(row.spec) } as Document
}
