// Every list: a table with its loading, empty and error states and a foot. On a phone rows become cards. Of long lists only
// the rows in view are drawn, so that 20,000 cost no more than 40. Paging and search are the server's.
import { Link } from '@tanstack/react-router'
import { tableFeatures, useTable, type ColumnDef } from '@tanstack/react-table'
import { useMemo, useRef, type ReactNode } from 'react'
import type { PagedRows } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { useRowsInView } from './rows-in-view.ts'
import { Empty, Failed } from './state.tsx'

const features = tableFeatures({})

export type Column<T> = {
  readonly id: string
  readonly head: string
  readonly cell: (row: T) => ReactNode
  readonly look?: 'tight' | 'end' | 'acts' | 'clip'
  /** Left out of cards on a phone. */
  readonly deskOnly?: boolean
  /** True where the cell has nothing to show: a card leaves the line out. */
  readonly isEmpty?: (row: T) => boolean
}

/** How a list is, apart from its rows. */
export type TableState = {
  readonly error?: unknown
  readonly onRetry?: () => void
  readonly empty: ReactNode
  readonly isStale?: boolean
  readonly foot?: ReactNode
  /** How many rows there are on the server, for readers of the screen. */
  readonly total?: number | null
  /** Called as the end of the rows comes near. */
  readonly onEnd?: () => void
}

type Props<T> = TableState & {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[] | undefined
  readonly rowKey: (row: T) => string
  readonly isChosen?: (row: T) => boolean
}

export function DataTable<T extends object>(props: Props<T>): ReactNode {
  const { columns, rows, label } = props
  const definitions = useMemo<ColumnDef<typeof features, T>[]>(
    () => columns.map(({ id, head, cell }) => ({ id, header: head, cell: ({ row }) => cell(row.original) })),
    [columns],
  )
  const data = useMemo(() => [...(rows ?? [])], [rows])
  const table = useTable({ features, columns: definitions, data, getRowId: props.rowKey })
  const body = useRef<HTMLTableElement>(null)
  const view = useRowsInView(rows?.length ?? 0, body, props.onEnd)
  if (props.error && rows === undefined) {
    return (
      <div className="table-wrap">
        <Failed error={props.error} {...(props.onRetry && { onRetry: props.onRetry })} />
      </div>
    )
  }
  if (rows?.length === 0) return <div className="table-wrap">{props.empty}</div>
  return (
    <div className={`table-wrap${props.isStale ? ' is-stale' : ''}`}>
      <table
        className="table table-cards"
        aria-label={label}
        aria-busy={rows === undefined}
        aria-rowcount={view.isVirtual ? (props.total ?? -1) : undefined}
        ref={body}
      >
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.id} scope="col" className={column.look ?? ''}>
                {column.look === 'acts' ? <span className="hidden-text">{column.head}</span> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Spacer pixels={view.above} columns={columns.length} />
          {rows === undefined
            ? [0, 1, 2, 3, 4].map((line) => (
                <tr key={line}>
                  {columns.map((column, at) => (
                    <td key={column.id} data-label={column.head}>
                      {column.look !== 'acts' && (
                        <span className={`ghost ghost-${(line + at) % 2 === 0 ? 'a' : 'b'}`} />
                      )}
                    </td>
                  ))}
                </tr>
              ))
            : table
                .getRowModel()
                .rows.slice(view.from, view.until)
                .map((row, place) => (
                  <tr
                    key={row.id}
                    data-index={view.from + place}
                    ref={view.measure}
                    aria-rowindex={view.isVirtual ? view.from + place + 2 : undefined}
                    className={props.isChosen?.(row.original) ? 'is-chosen' : undefined}
                  >
                    {row.getAllCells().map((cell, at) => {
                      const column = columns[at]
                      const isEmpty = column?.isEmpty?.(row.original) ?? false
                      return (
                        <td
                          key={cell.id}
                          data-label={column?.head}
                          className={`${column?.look ?? ''}${isEmpty ? ' empty-cell' : ''}${column?.deskOnly ? ' desk-only' : ''}`}
                        >
                          <table.FlexRender cell={cell} />
                        </td>
                      )
                    })}
                  </tr>
                ))}
          <Spacer pixels={view.below} columns={columns.length} />
        </tbody>
      </table>
      {rows !== undefined && props.foot}
    </div>
  )
}

/** Foot of a list: how many are shown of how many, and the way to what is beyond: read on here, or by address. */
export function PageFoot({
  shown,
  total,
  next,
  after,
  more,
}: {
  readonly shown: number
  readonly total: number | null
  readonly next: string | null
  readonly after: string | undefined
  readonly more?: Pick<PagedRows<unknown>, 'isReadingMore' | 'readMore'>
}): ReactNode {
  if (next === null && after === undefined && (total === null || total === shown) && shown < 2) return null
  const isReading = more?.isReadingMore ?? false
  return (
    <div className="table-foot">
      <span role="status">
        {isReading
          ? text.list.reading
          : total === null
            ? text.list.shown(shown, next !== null)
            : text.list.of(shown, total)}
      </span>
      {after !== undefined && (
        <Link
          to="."
          search={(before: object) => ({ ...before, after: undefined })}
          className="button button-text button-row"
        >
          {text.list.first}
        </Link>
      )}
      {next !== null &&
        (more && shown < caps.listRows ? (
          <Button inRow onClick={more.readMore} disabled={isReading}>
            {text.list.more}
          </Button>
        ) : (
          <Link to="." search={(before: object) => ({ ...before, after: next })} className="button button-row">
            {text.list.next}
          </Link>
        ))}
    </div>
  )
}

function Spacer({ pixels, columns }: { readonly pixels: number; readonly columns: number }): ReactNode {
  if (pixels <= 0) return null
  return (
    <tr className="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height: pixels }} />
    </tr>
  )
}

export function NoMatch(): ReactNode {
  return (
    <Empty title={text.state.noMatch} lead={text.state.noMatchLead}>
      <Link to="." search={{}} className="button">
        {text.state.clear}
      </Link>
    </Empty>
  )
}
