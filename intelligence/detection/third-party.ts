// People of a third party, judged also as one: what its people use, from where, and new doors tried by several of them.
// Must never let one person's excess speak for the organisation: two or more make it one.
import { caps } from '#intelligence/caps.ts'
import { expectedPerDay } from './car-park.ts'
import { countDecades, remains } from './chance.ts'
import type { Edge } from './person.ts'
import { keep } from './tenant.ts'
import { plain, raiseOddity, span, type Watch } from './watch.ts'

const DAY_MS = 86_400_000
const MAX_LISTED = 256

/** `edge`: the first-ever edge that this observation opened, if it did. */
export function watchThirdParty(watch: Watch, edge: Edge | undefined): void {
  const { state, tenant, person, observation } = watch
  const { organisation } = person
  if (organisation === '' || organisation === 'outside') return
  let trace = state.organisations.get(organisation)
  if (trace === undefined) {
    trace = { bucket: 0, expected: 0, atMs: tenant.nowMs, people: [], apps: new Map(), networks: new Map() }
    keep(state.organisations, organisation, trace, caps.organisations.default)
  }
  const { app, network } = observation
  if (app !== '' && !trace.apps.has(app)) {
    keep(trace.apps, app, tenant.day, MAX_LISTED)
    if (trace.apps.size > 3)
      raiseOddity(
        watch,
        'outside-envelope',
        'third-party',
        () => `${plain(app)} is none of the apps of ${plain(organisation)}`,
      )
  }
  if (network !== '' && !trace.networks.has(network)) keep(trace.networks, network, tenant.day, MAX_LISTED)
  const elapsedMs = tenant.nowMs - trace.atMs
  if (elapsedMs > 0) {
    const share = remains(elapsedMs, DAY_MS)
    trace.bucket *= share
    trace.expected *= share
    trace.atMs = tenant.nowMs
  }
  let member = trace.people.find(({ uid }) => uid === person.uid)
  if (member === undefined || member.atMs < tenant.nowMs - DAY_MS) {
    trace.expected += expectedPerDay(tenant, person)
    if (member === undefined) {
      member = { uid: person.uid, atMs: tenant.nowMs, edges: 0 }
      trace.people.push(member)
      if (trace.people.length > 64) trace.people.shift()
    }
    member.atMs = tenant.nowMs
    member.edges = 0
  }
  if (edge === undefined) return
  trace.bucket += edge.weight
  member.edges++
  const active = trace.people.filter(({ atMs, edges }) => edges > 0 && atMs > tenant.nowMs - DAY_MS)
  if (active.length < 2) return
  const edges = active.reduce((sum, each) => sum + each.edges, 0)
  watch.raise({
    channel: 'third-party',
    about: 'organisation',
    decades:
      edges < 4
        ? Math.min(2, countDecades(trace.bucket, trace.expected, 1))
        : countDecades(trace.bucket, trace.expected, 1),
    isPart: false,
    sentence: `${active.length} people of ${plain(organisation)} opened ${edges} apps new to them within ${span(DAY_MS)}`,
  })
}
