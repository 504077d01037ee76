// The sentences of the car park. Must only say what the trail shows.
import type { Edge, Person } from './person.ts'
import type { Tenant } from './tenant.ts'
import { plain, span } from './watch.ts'

export function carParkSentence(tenant: Tenant, person: Person, trail: readonly Edge[]): string {
  const denied = trail.filter(({ isDenied }) => isDenied).length
  const strange = trail.filter(({ share }) => share < 0.02).length
  const spanMs = (trail.at(-1)?.timeMs ?? 0) - (trail[0]?.timeMs ?? 0)
  const names = trail.slice(-4).map(({ app }) => plain(tenant.appNames[app] ?? ''))
  const group = person.groups.map((each) => tenant.groupNames[each] ?? '')[0]
  const weekly = person.recentDays > 0 ? (5 * person.edges) / person.recentDays : 0
  return [
    `In ${span(spanMs)} ${plain(person.uid)} went to ${trail.length} apps they never used (${names.join(', ')}${trail.length > 4 ? ' …' : ''})`,
    strange > 0 ? `, ${strange} of them used by hardly anyone like them${group ? ` (${plain(group)})` : ''}` : '',
    denied > 0 ? `, and was refused at ${denied}` : '',
    `; their usual is ${weekly < 0.95 ? weekly.toFixed(1) : Math.round(weekly)} new apps a week`,
  ].join('')
}
