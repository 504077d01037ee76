// Who works in a made-up organisation, in which teams, with which apps. Must never look at what detectors do.
import type { Chance } from './random.ts'
import type { Style } from './style.ts'

export type Team = { readonly name: string; readonly department: string; readonly apps: readonly number[] }

export type Member = {
  readonly uid: string
  team: number
  /** The groups that events name: they may lag behind `team`. */
  groupTeam: number
  readonly kind: 'staff' | 'contractor' | 'service'
  readonly organisation: string
  readonly device: string
  readonly homeNetwork: string
  readonly mobileNetwork: string
  readonly atOffice: number
  readonly roams: boolean
  readonly startHour: number
  readonly isOnShifts: boolean
  readonly joinsDay: number
  leavesDay: number
  /** Apps in use with how often. */
  readonly habits: Map<number, number>
  readonly volume: number
  awayUntilDay: number
  travelUntilDay: number
  travelNetwork: string
  project: { apps: number[]; untilDay: number } | null
  currentDevice: string
}

export type Organisation = {
  readonly style: Style
  readonly apps: readonly string[]
  readonly appBytes: readonly number[]
  /** Cumulative popularity of apps, for picking. */
  readonly popularity: readonly number[]
  readonly corporate: readonly number[]
  readonly teams: readonly Team[]
  readonly members: Member[]
  readonly offices: readonly string[]
}

const departments = [
  'finance',
  'sales',
  'engineering',
  'support',
  'people',
  'legal',
  'operations',
  'research',
  'marketing',
]
const nouns = [
  'ledger',
  'wiki',
  'tickets',
  'builds',
  'payroll',
  'crm',
  'vault',
  'reports',
  'orders',
  'stock',
  'labs',
  'forms',
  'maps',
  'plans',
  'invoices',
  'contracts',
  'metrics',
  'archive',
  'designs',
  'surveys',
] as const

export function foundOrganisation(style: Style, users: number, days: number, chance: Chance): Organisation {
  const appCount = Math.max(30, Math.round(Math.min(2500, (users / 100) * style.appsPerHundred + 40)))
  const apps = Array.from({ length: appCount }, (_, at) => `${chance.pick(departments)}-${chance.pick(nouns)}-${at}`)
  const weights = apps.map((_, at) => 1 / (at + 2) ** style.popularity)
  let sum = 0
  const popularity = weights.map((weight) => (sum += weight))
  const order = apps.map((_, at) => at)
  const corporate = order.slice(0, style.corporateApps)
  const teams: Team[] = []
  const members: Member[] = []
  const offices = Array.from(
    { length: 1 + Math.floor(users / 800) },
    (_, at) => `198.${18 + at}.${chance.whole(0, 255)}`,
  )
  const founding = Math.round(users * 0.97)
  while (members.length < founding) {
    const team = teams.length
    teams.push(foundTeam(style, appCount, chance))
    const size = chance.whole(style.teamSize[0], style.teamSize[1])
    for (let at = 0; at < size && members.length < founding; at++)
      members.push(hire({ style, chance, teams, corporate, popularity, offices }, team, members.length, 0, days))
  }
  const organisation = {
    style,
    apps,
    appBytes: apps.map(() => chance.logNormal(60_000, 1.4)),
    popularity,
    corporate,
    teams,
    members,
    offices,
  }
  for (let day = 1; day < days; day++)
    for (let count = chance.count(style.joinersPerDay * users); count > 0; count--)
      members.push(hire({ ...organisation, chance }, chance.whole(0, teams.length - 1), members.length, day, days))
  return organisation
}

function foundTeam(style: Style, appCount: number, chance: Chance): Team {
  const department = chance.pick(departments)
  const size = chance.whole(style.teamApps[0], style.teamApps[1])
  return {
    name: `${department}-${chance.whole(1, 9999)}`,
    department,
    apps: Array.from({ length: size }, () => chance.whole(style.corporateApps, appCount - 1)),
  }
}

type Hiring = Pick<Organisation, 'style' | 'teams' | 'corporate' | 'popularity' | 'offices'> & {
  readonly chance: Chance
}

function hire(hiring: Hiring, team: number, number: number, joinsDay: number, days: number): Member {
  const { style, chance, teams, corporate, offices } = hiring
  const draw = chance.next()
  const kind = draw < 0.012 ? 'service' : draw < 0.09 ? 'contractor' : 'staff'
  const device = kind === 'service' ? `srv-${number}` : `lap-${number}-${chance.whole(100, 999)}`
  const leavesDay = chance.isSo(style.leaversPerDay * days) ? chance.whole(joinsDay + 1, days) : days + 1
  const member: Member = {
    uid: kind === 'service' ? `svc-${number}` : `u${String(number).padStart(5, '0')}`,
    team,
    groupTeam: team,
    kind,
    organisation: kind === 'contractor' ? `vendor-${team % 7}` : '',
    device,
    currentDevice: device,
    homeNetwork: `${chance.whole(31, 95)}.${chance.whole(0, 255)}.${chance.whole(0, 255)}.${chance.whole(1, 254)}`,
    mobileNetwork: `100.${chance.whole(64, 127)}.${chance.whole(0, 255)}.${chance.whole(1, 254)}`,
    atOffice: chance.isSo(style.sharedEgressShare) ? chance.whole(0, offices.length - 1) : -1,
    roams: chance.isSo(style.roamShare),
    startHour: 6.5 + chance.normal() * 0.8 + chance.pick([0, 0, 0, 1, 6]),
    isOnShifts: chance.isSo(0.06),
    joinsDay,
    leavesDay,
    habits: new Map(),
    volume: chance.logNormal(1, 0.7),
    awayUntilDay: -1,
    travelUntilDay: -1,
    travelNetwork: '',
    project: null,
  }
  const share = kind === 'contractor' ? 0.4 : 0.75
  for (const app of corporate) if (chance.isSo(0.9)) member.habits.set(app, chance.logNormal(2, 0.8))
  for (const app of teams[team]?.apps ?? []) if (chance.isSo(share)) member.habits.set(app, chance.logNormal(1.5, 0.9))
  const own = chance.whole(style.ownApps[0], style.ownApps[1])
  for (let at = 0; at < own; at++) member.habits.set(pickPopular(hiring.popularity, chance), chance.logNormal(0.4, 0.9))
  if (kind === 'service') for (let at = 0; at < 25; at++) member.habits.set(pickPopular(hiring.popularity, chance), 3)
  return member
}

export function pickPopular(popularity: readonly number[], chance: Chance): number {
  const wanted = chance.next() * (popularity.at(-1) ?? 0)
  let [low, high] = [0, popularity.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((popularity[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}
