// Control's figures as samples; runs where control runs, in its thread or its process.
import type { Answered } from '#control/answered.ts'
import type { ControlFigures, Surface } from '#control/figures.ts'
import type { Sample } from '#operations/exposition.ts'
import { Histogram } from '#operations/histogram.ts'

const surfaces: readonly Surface[] = ['api', 'console', 'sign-in', 'portal']

export function startControlFigures() {
  const answers = new Map<string, number>()
  const times = new Map(surfaces.map((surface) => [surface, new Histogram()]))
  return {
    answered({ surface, status, ms }: Answered): void {
      const key = `${surface} ${Math.trunc(status / 100)}xx`
      answers.set(key, (answers.get(key) ?? 0) + 1)
      times.get(surface)?.observe(ms / 1000)
    },
    collect(figures: ControlFigures): readonly Sample[] {
      return [
        ...[...answers]
          .toSorted(([left], [right]) => (left < right ? -1 : 1))
          .map(([key, value]): Sample => {
            const [surface = '', status = ''] = key.split(' ')
            return { name: 'sallyport_control_requests_total', labels: { surface, status }, value }
          }),
        ...[...times].map(([surface, { value }]): Sample => ({
          name: 'sallyport_control_request_seconds',
          labels: { surface },
          value,
        })),
        { name: 'sallyport_control_exchanges', value: figures.exchanges },
        { name: 'sallyport_control_exchanges_connected', value: figures.exchangesConnected },
        { name: 'sallyport_control_connectors_connected', value: figures.connectorsConnected },
        { name: 'sallyport_control_tenants', value: figures.tenants },
        { name: 'sallyport_control_store_seconds', value: figures.storeMs / 1000 },
        ...figures.certificates.slice(0, 1000).flatMap(({ name, notAfterMs, failures }): Sample[] => [
          ...(notAfterMs === null
            ? []
            : [
                {
                  name: 'sallyport_certificate_expiry_timestamp_seconds' as const,
                  labels: { name },
                  value: notAfterMs / 1000,
                },
              ]),
          { name: 'sallyport_certificate_failures', labels: { name }, value: failures },
        ]),
      ]
    },
  }
}
