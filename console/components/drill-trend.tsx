// How fast drills were noticed and contained, drill by drill. The list beside it says the same in numbers.
import type { ReactNode } from 'react'
import type { DrillView } from '#core/api/drill-routes.ts'
import { text } from '#console/messages/text.ts'

const words = text.drills
const WIDTH = 800
const HEIGHT = 150
const LEFT = 60
const BOTTOM = 20
/** From a millisecond to a day, on a scale of decades. */
const MOST = Math.log10(86_400_000)

export function DrillTrend({ drills }: { readonly drills: readonly DrillView[] }): ReactNode {
  const shown = drills.filter(({ verdict }) => verdict !== null).toReversed()
  const series = [
    { key: 'detect', name: words.detect, of: ({ detectMs }: DrillView) => detectMs },
    { key: 'contain', name: words.contained, of: ({ containMs }: DrillView) => containMs },
  ] as const
  if (!shown.some((drill) => series.some(({ of }) => of(drill) !== null))) return null
  const x = (at: number) => LEFT + ((WIDTH - LEFT - 12) * (at + 0.5)) / shown.length
  const y = (ms: number) =>
    HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - 8) * Math.min(MOST, Math.log10(Math.max(1, ms)))) / MOST
  return (
    <figure className="drill-trend">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words.trend}>
        {[1, 1000, 60_000, 3_600_000].map((ms) => (
          <g key={ms}>
            <path className="drill-line" d={`M${LEFT} ${y(ms)}H${WIDTH}`} />
            <text className="drill-tick" x={LEFT - 8} y={y(ms) + 4} textAnchor="end">
              {words.span(ms)}
            </text>
          </g>
        ))}
        {series.map(({ key, of }) => (
          <g key={key} className={`drill-${key}`}>
            <path
              fill="none"
              strokeWidth="1.75"
              d={shown
                .flatMap((drill, at) => {
                  const ms = of(drill)
                  return ms === null ? [] : [[x(at), y(ms)]]
                })
                .map(([px, py], at) => `${at === 0 ? 'M' : 'L'}${px} ${py}`)
                .join('')}
            />
            {shown.map((drill, at) => {
              const ms = of(drill)
              return ms === null ? null : <circle key={drill.id} cx={x(at)} cy={y(ms)} r="3.5" />
            })}
          </g>
        ))}
      </svg>
      <figcaption className="row small">
        {series.map(({ key, name }) => (
          <span key={key} className={`drill-key drill-${key}`}>
            {name}
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
