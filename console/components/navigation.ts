// Where one can go, grouped by task: the side bar, the command palette and the keyboard all read this one list.
// A new page adds its line here and in `router.tsx`.
import { text } from '#console/messages/text.ts'
import type { IconName } from './icon.tsx'

export type Place = {
  readonly icon: IconName
  readonly label: string
  readonly to: string
  /** Second key after `g`. */
  readonly key?: string
}
export type PlaceGroup = { readonly head: string | null; readonly places: readonly Place[] }

export const tenantPlaces: readonly PlaceGroup[] = [
  { head: null, places: [{ icon: 'now', label: text.nav.now, to: '/t/$tenant/now', key: 'n' }] },
  {
    head: text.nav.people,
    places: [
      { icon: 'people', label: text.nav.persons, to: '/t/$tenant/people', key: 'p' },
      { icon: 'devices', label: text.nav.devices, to: '/t/$tenant/devices', key: 'd' },
      { icon: 'sessions', label: text.nav.sessions, to: '/t/$tenant/sessions', key: 's' },
      { icon: 'thirdParties', label: text.nav.thirdParties, to: '/t/$tenant/third-parties', key: 't' },
    ],
  },
  {
    head: text.nav.access,
    places: [
      { icon: 'apps', label: text.nav.apps, to: '/t/$tenant/apps', key: 'a' },
      { icon: 'connectors', label: text.nav.connectors, to: '/t/$tenant/connectors', key: 'c' },
    ],
  },
  {
    head: text.nav.policy,
    places: [
      { icon: 'policies', label: text.nav.policies, to: '/t/$tenant/policies', key: 'o' },
      { icon: 'explain', label: text.nav.explain, to: '/t/$tenant/explain', key: 'x' },
      { icon: 'shield', label: text.nav.reach, to: '/t/$tenant/reach', key: 'k' },
      { icon: 'filter', label: text.nav.leastPrivilege, to: '/t/$tenant/least-privilege', key: 'l' },
    ],
  },
  {
    head: text.nav.respond,
    places: [
      { icon: 'events', label: text.nav.events, to: '/t/$tenant/events', key: 'e' },
      { icon: 'out', label: text.nav.web, to: '/t/$tenant/web', key: 'w' },
      { icon: 'stories', label: text.nav.stories, to: '/t/$tenant/stories', key: 'y' },
      { icon: 'incidents', label: text.nav.incidents, to: '/t/$tenant/incidents', key: 'i' },
      { icon: 'drills', label: text.nav.drills, to: '/t/$tenant/drills', key: 'r' },
    ],
  },
  {
    head: text.nav.setUp,
    places: [{ icon: 'settings', label: text.nav.settings, to: '/t/$tenant/settings', key: ',' }],
  },
]

export const providerPlaces: PlaceGroup = {
  head: text.nav.provider,
  places: [
    { icon: 'tenants', label: text.nav.tenants, to: '/provider/tenants', key: 'm' },
    { icon: 'exchanges', label: text.nav.exchanges, to: '/provider/exchanges', key: 'h' },
  ],
}

export function placesFor(roles: readonly string[]): readonly PlaceGroup[] {
  return roles.includes('provider-admin') ? [...tenantPlaces, providerPlaces] : tenantPlaces
}
