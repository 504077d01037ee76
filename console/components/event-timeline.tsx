// How many events when, with a brush: a stretch that is drawn over becomes part of the address. The same numbers are said
// in words, and the times can be typed.
import { useEffect, useRef, type ReactNode } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Reply } from '#console/api/client.ts'

const HEIGHT = 92
type Counted = Reply<'countEvents'>

export function EventTimeline({
  counted,
  label,
  onRange,
}: {
  readonly counted: Counted
  readonly label: string
  readonly onRange: (fromMs: number, untilMs: number) => void
}): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  const latest = useRef({ onRange, counted })
  latest.current = { onRange, counted }
  useEffect(() => {
    const element = place.current
    if (!element) return
    const colour = (role: string) => getComputedStyle(document.documentElement).getPropertyValue(role).trim()
    const bars = UPlot.paths.bars?.({ size: [0.8, 24] })
    const made = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        scales: {
          x: {
            range: (_, min, max) => [
              min - latest.current.counted.bucketMs / 2000,
              max + latest.current.counted.bucketMs / 2000,
            ],
          },
          y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] },
        },
        axes: [
          {
            stroke: () => colour('--ink-3'),
            grid: { show: false },
            ticks: { show: false },
            size: 22,
            font: '11px sans-serif',
          },
          { show: false },
        ],
        series: [
          {},
          { fill: () => colour('--deny'), width: 0, points: { show: false }, ...(bars && { paths: bars }) },
          { fill: () => colour('--allow'), width: 0, points: { show: false }, ...(bars && { paths: bars }) },
        ],
        hooks: {
          setSelect: [
            (drawn) => {
              const { left, width } = drawn.select
              if (width < 4) return
              const from = drawn.posToVal(left, 'x') * 1000
              const until = drawn.posToVal(left + width, 'x') * 1000
              drawn.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
              latest.current.onRange(from, until)
            },
          ],
        },
      },
      [[], [], []],
      element,
    )
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    const redraw = () => made.redraw()
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', redraw)
    const pinned = new MutationObserver(redraw)
    pinned.observe(document.documentElement, { attributeFilter: ['data-scheme'] })
    return () => {
      watch.disconnect()
      pinned.disconnect()
      dark.removeEventListener('change', redraw)
      made.destroy()
      plot.current = null
    }
  }, [])
  useEffect(() => {
    const { buckets, bucketMs } = counted
    plot.current?.setData([
      buckets.map(({ atMs }) => (atMs + bucketMs / 2) / 1000),
      // Drawn behind the others, so that what failed stands on top of what went well.
      buckets.map(({ ok, failed }) => ok + failed),
      buckets.map(({ ok }) => ok),
    ])
  }, [counted])
  return <div ref={place} role="img" aria-label={label} className="timeline" />
}
