// Sums the live flows of a tenant to what a picture can show: the busiest by name on each side, the rest as one, people
// singly and by group. Pure, so that 50,000 flows are a test and not a hope.
import type { LiveLink, LiveNode, LivePicture } from '#core/api/live-routes.ts'
import type { FlowSum } from '#core/wire/feed.ts'

/** What the picture needs of the directory. */
export type Names = {
  readonly user: (id: string) => { readonly name: string; readonly groupKey: string } | undefined
  readonly app: (id: string) => string | undefined
  readonly group: (
    key: string,
  ) => { readonly name: string; readonly kind: 'group' | 'organisation'; readonly members: number } | undefined
}
export type PictureLimits = { readonly names: number }
type Total = { flows: number; bytes: number }
type Summed = {
  readonly picture: LivePicture
  readonly people: number
  readonly apps: number
  readonly bytesIn: number
  readonly bytesOut: number
}

export const INTERNET = 'internet'
const REST = 'rest'

export function pictureOf(
  sums: readonly FlowSum[],
  seconds: number,
  names: Names,
  { names: most }: PictureLimits,
): Summed {
  const people = new Map<string, Total>()
  const groups = new Map<string, Total>()
  const apps = new Map<string, Total>()
  let bytesIn = 0
  let bytesOut = 0
  const groupKeyOf = (userId: string) => names.user(userId)?.groupKey ?? ''
  const appKeyOf = (sum: FlowSum) => (sum.isWeb ? INTERNET : sum.appId)
  for (const sum of sums) {
    const bytes = sum.bytesIn + sum.bytesOut
    bytesIn += sum.bytesIn
    bytesOut += sum.bytesOut
    add(people, sum.userId, sum.flows, bytes)
    add(groups, groupKeyOf(sum.userId), sum.flows, bytes)
    add(apps, appKeyOf(sum), sum.flows, bytes)
  }
  const shownPeople = busiest(people, most)
  const shownGroups = busiest(groups, most)
  const shownApps = busiest(apps, most, INTERNET)
  const rate = (bytes: number) => bytes / Math.max(0.001, seconds)
  const nodes = (
    shown: ReadonlySet<string>,
    all: ReadonlyMap<string, Total>,
    describe: (key: string) => Pick<LiveNode, 'kind' | 'name' | 'members'>,
  ): LiveNode[] => {
    const made: LiveNode[] = []
    const rest: Total & { count: number } = { flows: 0, bytes: 0, count: 0 }
    for (const [key, { flows, bytes }] of all) {
      if (shown.has(key)) made.push({ key, ...describe(key), flows, bytesPerSecond: rate(bytes) })
      else {
        rest.flows += flows
        rest.bytes += bytes
        rest.count++
      }
    }
    made.sort((a, b) => b.flows - a.flows || (a.name < b.name ? -1 : 1))
    if (rest.count > 0)
      made.push({
        key: REST,
        kind: 'rest',
        name: '',
        flows: rest.flows,
        bytesPerSecond: rate(rest.bytes),
        members: rest.count,
      })
    return made
  }
  const links = (keyOf: (sum: FlowSum) => string, shown: ReadonlySet<string>): LiveLink[] => {
    const totals = new Map<string, Map<string, Total>>()
    for (const sum of sums) {
      const from = shown.has(keyOf(sum)) ? keyOf(sum) : REST
      const to = shownApps.has(appKeyOf(sum)) ? appKeyOf(sum) : REST
      const of = totals.getOrInsertComputed(from, () => new Map<string, Total>())
      add(of, to, sum.flows, sum.bytesIn + sum.bytesOut)
    }
    return [...totals].flatMap(([from, of]) =>
      [...of].map(([to, { flows, bytes }]) => ({ from, to, flows, bytesPerSecond: rate(bytes) })),
    )
  }
  return {
    picture: {
      people: nodes(shownPeople, people, (key) => ({ kind: 'person', name: names.user(key)?.name ?? '', members: 1 })),
      groups: nodes(shownGroups, groups, (key) => names.group(key) ?? { kind: 'group', name: '', members: 0 }),
      apps: nodes(shownApps, apps, (key) =>
        key === INTERNET
          ? { kind: 'internet', name: '', members: 1 }
          : { kind: 'app', name: names.app(key) ?? '', members: 1 },
      ),
      links: links(({ userId }) => userId, shownPeople),
      groupLinks: links(({ userId }) => groupKeyOf(userId), shownGroups),
    },
    people: people.size,
    apps: apps.size - (apps.has(INTERNET) ? 1 : 0),
    bytesIn,
    bytesOut,
  }
}

function add(totals: Map<string, Total>, key: string, flows: number, bytes: number): void {
  const total = totals.get(key)
  if (!total) return void totals.set(key, { flows, bytes })
  total.flows += flows
  total.bytes += bytes
}

/** Keys of the busiest; one more is named than would be, rather than a rest of one. */
function busiest(totals: ReadonlyMap<string, Total>, most: number, always?: string): ReadonlySet<string> {
  const ordered = [...totals].sort(([keyA, a], [keyB, b]) => b.flows - a.flows || (keyA < keyB ? -1 : 1))
  const shown = new Set((ordered.length <= most + 1 ? ordered : ordered.slice(0, most)).map(([key]) => key))
  if (always !== undefined && totals.has(always)) shown.add(always)
  return shown
}
