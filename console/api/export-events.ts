// Events as a file, as they were recorded: NDJSON, or CSV for a spreadsheet. Bounded; must never write a cell that a
// spreadsheet would take for a formula.
import { caps } from '#console/caps.ts'
import { call, type Input } from './client.ts'
import { csvCell } from './csv-cell.ts'
import { readEvent } from './event-view.ts'

export type ExportForm = 'ndjson' | 'csv'
export type Exported = { readonly events: number; readonly isMore: boolean }

const columns = ['time', 'class', 'outcome', 'user', 'app', 'ip', 'reason', 'message', 'uid'] as const

function csvLine(stored: { readonly cursor: string; readonly event: Record<string, unknown> }): string {
  const event = readEvent(stored)
  const cells: Record<(typeof columns)[number], string> = {
    time: new Date(event.timeMs).toISOString(),
    class: String(event.classUid),
    outcome: event.ok ? 'success' : 'failure',
    user: event.user ?? '',
    app: event.app ?? '',
    ip: event.ip ?? '',
    reason: event.reason ?? '',
    message: event.message ?? '',
    uid: event.uid,
  }
  return columns.map((column) => csvCell(cells[column])).join(',')
}

export async function exportEvents(
  tenant: string,
  query: NonNullable<Input<'listEvents'>['query']>,
  form: ExportForm,
): Promise<Exported> {
  const lines: string[] = form === 'csv' ? [columns.join(',')] : []
  let events = 0
  let after: string | undefined
  for (;;) {
    const page = await call('listEvents', {
      params: { tenant },
      query: { ...query, limit: caps.exportPageEvents, ...(after !== undefined && { after }) },
    })
    for (const stored of page.items) lines.push(form === 'csv' ? csvLine(stored) : JSON.stringify(stored.event))
    events += page.items.length
    if (page.next === null || events >= caps.exportEvents) {
      save(`${lines.join('\n')}\n`, `events-${tenant}.${form}`, form === 'csv' ? 'text/csv' : 'application/x-ndjson')
      return { events, isMore: page.next !== null }
    }
    after = page.next
  }
}

function save(content: string, name: string, type: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
