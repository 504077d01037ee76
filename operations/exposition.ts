// Samples as text that Prometheus reads: exposition format 0.0.4, or OpenMetrics 1.0 for those who ask. Must never write
// a family that is not in the table, nor let a label value end its line.
import type { HistogramValue } from './histogram.ts'
import { metricTable, type Family, type MetricName } from './metric-table.ts'

export type Sample = {
  readonly name: MetricName
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number | HistogramValue
}

export type ExpositionForm = 'text' | 'openmetrics'

export const contentTypes: Readonly<Record<ExpositionForm, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Families in the order of the table, each with its samples in the order given. */
export function expose(samples: readonly Sample[], form: ExpositionForm): string {
  const lines: string[] = []
  for (const [name, family] of Object.entries<Family>(metricTable)) {
    const own = samples.filter((sample) => sample.name === name)
    if (own.length === 0) continue
    // OpenMetrics names a counter's family without the suffix of its sample.
    const title = form === 'openmetrics' && family.type === 'counter' ? name.replace(/_total$/, '') : name
    lines.push(`# HELP ${title} ${family.help.replaceAll('\\', '\\\\')}`, `# TYPE ${title} ${family.type}`)
    for (const sample of own) lines.push(...linesOf(sample))
  }
  if (form === 'openmetrics') lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function linesOf({ name, labels = {}, value }: Sample): readonly string[] {
  if (typeof value === 'number') return [`${name}${labelText(labels)} ${numberText(value)}`]
  return [
    ...value.buckets.map(([le, count]) => `${name}_bucket${labelText({ ...labels, le: numberText(le) })} ${count}`),
    `${name}_sum${labelText(labels)} ${numberText(value.sum)}`,
    `${name}_count${labelText(labels)} ${value.count}`,
  ]
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escaped(value: string): string {
  return value.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return String(value)
}
