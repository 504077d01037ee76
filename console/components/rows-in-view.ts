// Which rows of a long list are in view, as the window scrolls, and when its end comes near.
import { useWindowVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useLayoutEffect, useState, type RefObject } from 'react'
import { caps } from '#console/caps.ts'

const cards = '(max-width: 760px)'

export function useRowsInView(rows: number, table: RefObject<HTMLElement | null>, onEnd?: () => void) {
  const isVirtual = rows >= caps.virtualFromRows
  const [top, setTop] = useState(0)
  useLayoutEffect(() => {
    const element = table.current
    if (isVirtual && element) setTop(element.getBoundingClientRect().top + window.scrollY)
  }, [isVirtual, rows, table])
  const virtualizer = useWindowVirtualizer({
    count: rows,
    enabled: isVirtual,
    estimateSize: () => (matchMedia(cards).matches ? caps.cardPixels : caps.rowPixels),
    overscan: caps.overscanRows,
    scrollMargin: top,
  })
  const seen = isVirtual ? virtualizer.getVirtualItems() : []
  const first = seen[0]
  const last = seen.at(-1)
  const from = first?.index ?? 0
  const until = isVirtual ? (last?.index ?? Math.min(rows, caps.virtualFromRows) - 1) + 1 : rows
  const isAtEnd = isVirtual && until >= rows - caps.overscanRows
  useEffect(() => {
    if (isAtEnd) onEnd?.()
    // Asked again for every length that was read; what is being read already is the caller's to know.
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the function is new at each drawing
  }, [isAtEnd, rows])
  return {
    isVirtual,
    from,
    until,
    above: first === undefined ? 0 : first.start - top,
    below: last === undefined ? 0 : virtualizer.getTotalSize() - (last.end - top),
    measure: isVirtual ? virtualizer.measureElement : undefined,
  }
}
