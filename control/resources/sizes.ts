// Whether what is applied can travel: each record to exchanges, each connector group's apps to its connectors. Must never
// let one tenant's document grow past what the feed that all tenants share can carry.
import type { Change } from '#core/records/records.ts'
import { caps } from '#control/caps.ts'
import { resourceRecords, type RecordNames } from '#control/records/from-rows.ts'
import { oversizeOf } from '#control/snapshot/record-size.ts'
import { sliceBytesOf } from '#control/snapshot/slice.ts'
import type { Document } from './document.ts'
import { DocumentsFault, type DocumentFault, type Placed } from './document-faults.ts'
import type { Plan, ResourceRow } from './plan.ts'

export type Sized = {
  readonly plan: Plan
  /** All rows as they are after the plan. */
  readonly next: Iterable<ResourceRow>
  readonly names: RecordNames
  readonly documents: readonly Placed<Document>[]
}

/** Throws DocumentsFault that names each document which does not fit. */
export function requireFit({ plan, next, names, documents }: Sized): void {
  const faults: DocumentFault[] = []
  const fault = (row: ResourceRow, message: string) => {
    const placed = documents.find(({ value }) => value.kind === row.kind && value.name === row.name)
    faults.push({
      at: placed?.at ?? 'documents',
      message: `${row.kind} ${row.name}: ${message}`,
      code: 'document-invalid',
    })
  }
  const groups = new Map<string, ResourceRow>()
  for (const { after } of plan.puts) {
    for (const record of resourceRecords(after, names)) {
      const oversize = oversizeOf(JSON.stringify({ op: 'put', record } satisfies Change))
      if (oversize !== undefined) fault(after, oversize)
      if (record.kind === 'app') groups.set(record.connectorGroupId, after)
    }
  }
  const bytes = new Map<string, number>()
  if (groups.size > 0)
    for (const row of next)
      if (row.kind === 'App')
        for (const record of resourceRecords(row, names))
          if (record.kind === 'app' && groups.has(record.connectorGroupId))
            bytes.set(record.connectorGroupId, (bytes.get(record.connectorGroupId) ?? 0) + sliceBytesOf(record))
  for (const [groupId, row] of groups)
    if ((bytes.get(groupId) ?? 0) > caps.sliceAppsBytes.default)
      fault(
        row,
        `with it the apps of its connector group take more than ${caps.sliceAppsBytes.default} bytes; split the group`,
      )
  if (faults.length > 0) throw new DocumentsFault(faults)
}
