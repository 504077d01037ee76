// A time as people say it, exact in the reader's zone on hover; and lengths of time and amounts of bytes.
import { useEffect, useState, type ReactNode } from 'react'
import { language, locale } from '#console/messages/language.ts'
import { text } from '#console/messages/text.ts'

const relative = new Intl.RelativeTimeFormat(language, { numeric: 'always', style: 'narrow' })
const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'long' })
const dayAndTime = new Intl.DateTimeFormat(locale, {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})
const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' })
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' })

const steps = [
  [60_000, 1_000, 'second'],
  [3_600_000, 60_000, 'minute'],
  [86_400_000, 3_600_000, 'hour'],
  [30 * 86_400_000, 86_400_000, 'day'],
] as const

export function ago(atMs: number, nowMs: number): string {
  const away = atMs - nowMs
  const size = Math.abs(away)
  if (size < 3_000) return text.moment.now
  for (const [below, unitMs, unit] of steps) {
    if (size < below) return relative.format(Math.trunc(away / unitMs), unit)
  }
  return day.format(atMs)
}

// One coarse clock for the whole page, so that a thousand times cost one timer.
const tickers = new Set<() => void>()
setInterval(() => {
  if (document.visibilityState === 'visible') for (const tick of tickers) tick()
}, 5_000)

export function useCoarseNow(): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const tick = () => setNow(Date.now())
    tickers.add(tick)
    return () => {
      tickers.delete(tick)
    }
  }, [])
  return now
}

type Form = 'ago' | 'day' | 'clock' | 'day-time'

export function Moment({ at, form = 'ago' }: { readonly at: string | number | null; readonly form?: Form }): ReactNode {
  const now = useCoarseNow()
  const ms = at === null ? Number.NaN : typeof at === 'number' ? at : Date.parse(at)
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return <span className="quiet">{text.moment.never}</span>
  const shown =
    form === 'day'
      ? day.format(ms)
      : form === 'clock'
        ? clock.format(ms)
        : form === 'day-time'
          ? dayAndTime.format(ms)
          : ago(ms, Math.max(now, Date.now() - 5_000))
  return (
    <time dateTime={new Date(ms).toISOString()} title={exact.format(ms)} className="nowrap">
      {shown}
    </time>
  )
}

/** "2 h 5 min", "14 s": how long something has lasted. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Decimal units, three significant figures at most: ["1.42", "MB"]. */
export function bytesParts(bytes: number): readonly [string, string] {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return [value.toFixed(digits), units[unit] ?? 'B']
}

export function bytes(amount: number): string {
  return bytesParts(amount).join(' ')
}
