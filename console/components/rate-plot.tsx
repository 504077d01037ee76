// Throughput over the last minutes, from looks at live flows. Its numbers are also text beside it.
import { useEffect, useRef, type ReactNode } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { bytes } from './moment.tsx'

export type RateSample = { readonly atMs: number; readonly fromApps: number; readonly toApps: number }

const HEIGHT = 200

export function RatePlot({
  samples,
  label,
}: {
  readonly samples: readonly RateSample[]
  readonly label: string
}): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  useEffect(() => {
    const element = place.current
    if (!element) return
    const colour = (role: string) => getComputedStyle(document.documentElement).getPropertyValue(role).trim()
    const made = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: { y: { range: (_, __, max) => [0, Math.max(1000, max * 1.15)] } },
        axes: [
          {
            stroke: () => colour('--ink-3'),
            grid: { show: false },
            ticks: { show: false },
            size: 22,
            font: '11px sans-serif',
          },
          {
            stroke: () => colour('--ink-3'),
            grid: { stroke: () => colour('--line'), width: 1 },
            ticks: { show: false },
            size: 68,
            space: 36,
            font: '11px sans-serif',
            values: (_, ticks) => ticks.map((tick) => `${bytes(tick)}/s`),
          },
        ],
        series: [
          {},
          { stroke: () => colour('--allow'), width: 1.75, points: { show: false } },
          { stroke: () => colour('--accent'), width: 1.5, dash: [5, 4], points: { show: false } },
        ],
      },
      [[], [], []],
      element,
    )
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    // Colours are read when drawing: draw again when the scheme changes.
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => made.redraw()
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
    plot.current?.setData([
      samples.map((sample) => sample.atMs / 1000),
      samples.map((sample) => sample.fromApps),
      samples.map((sample) => sample.toApps),
    ])
  }, [samples])
  return <div ref={place} role="img" aria-label={label} />
}
