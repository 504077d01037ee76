// Every list: a table with its loading, empty and error states and a foot for paging. On a phone rows become cards.
// Must never hold more than a page; paging and search are the server's.
import { Link } from '@tanstack/react-router'
import { tableFeatures, useTable, type ColumnDef } from '@tanstack/react-table'
import { useMemo, type ReactNode } from 'react'
import { count } from '#console/messages/plural.ts'
import { text } from '#console/messages/text.ts'
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
      <table className="table table-cards" aria-label={label} aria-busy={rows === undefined}>
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
            : table.getRowModel().rows.map((row) => (
                <tr key={row.id} className={props.isChosen?.(row.original) ? 'is-chosen' : undefined}>
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
        </tbody>
      </table>
      {rows !== undefined && props.foot}
    </div>
  )
}

/** Foot of a paged list: how many, and the way to the next page, which is an address. */
export function PageFoot({
  shown,
  total,
  next,
  after,
}: {
  readonly shown: number
  readonly total: number | null
  readonly next: string | null
  readonly after: string | undefined
}): ReactNode {
  if (next === null && after === undefined && (total === null || total === shown) && shown < 2) return null
  return (
    <div className="table-foot">
      <span>{total === null ? count(shown) : text.list.of(shown, total)}</span>
      {after !== undefined && (
        <Link
          to="."
          search={(before: object) => ({ ...before, after: undefined })}
          className="button button-text button-row"
        >
          {text.list.first}
        </Link>
      )}
      {next !== null && (
        <Link to="." search={(before: object) => ({ ...before, after: next })} className="button button-row">
          {text.list.next}
        </Link>
      )}
    </div>
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
