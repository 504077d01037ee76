// An ordinary day of everyone: habits, new apps, projects, on-call nights, travel, holidays, programs that poll, and a
// Monday with a new app. Must never hold anything that an attack does.
import type { Occurrence } from './occurrence.ts'
import { type Member, type Organisation, pickPopular } from './organisation.ts'
import type { Chance } from './random.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

export type DayOptions = {
  readonly day: number
  readonly startMs: number
  /** The app that everyone is told to open today, if any. */
  readonly newApp: number | null
}

type Visit = { readonly app: number; readonly atMs: number }

export function liveDay(
  organisation: Organisation,
  { day, startMs, newApp }: DayOptions,
  chance: Chance,
): Occurrence[] {
  const dayMs = startMs + day * DAY_MS
  const isWeekend = [0, 6].includes(new Date(dayMs).getUTCDay())
  const happened: Occurrence[] = []
  for (const member of organisation.members) {
    if (day < member.joinsDay || day >= member.leavesDay || day < member.awayUntilDay) continue
    if (member.kind === 'service') {
      pollDay(organisation, member, dayMs, chance, happened)
      continue
    }
    const isWorking = member.isOnShifts ? (day + member.team) % 7 < 5 : !isWeekend || chance.isSo(0.04)
    if (!isWorking) continue
    if (chance.isSo(organisation.style.holidayPerDay)) {
      member.awayUntilDay = day + chance.whole(3, 18)
      continue
    }
    workDay(organisation, member, { day, dayMs, newApp }, chance, happened)
  }
  return happened
}

type Today = { readonly day: number; readonly dayMs: number; readonly newApp: number | null }

function workDay(
  organisation: Organisation,
  member: Member,
  today: Today,
  chance: Chance,
  happened: Occurrence[],
): void {
  const { style } = organisation
  const { day, dayMs } = today
  const shift = member.isOnShifts ? ((day >> 2) % 3) * 8 : member.startHour
  const fromMs = dayMs + ((shift + chance.normal() * 0.4 + 24) % 24) * HOUR_MS
  const hours = Math.max(2, 8 + chance.normal())
  if (chance.isSo(style.movesPerDay)) {
    member.team = chance.whole(0, organisation.teams.length - 1)
    if (chance.isSo(0.7)) member.groupTeam = member.team
    for (const app of organisation.teams[member.team]?.apps ?? [])
      if (chance.isSo(0.6)) member.habits.set(app, chance.logNormal(1.5, 0.9))
  }
  if (chance.isSo(style.travelPerDay) && day >= member.travelUntilDay) {
    member.travelUntilDay = day + chance.whole(1, 5)
    member.travelNetwork = `${chance.whole(150, 190)}.${chance.whole(0, 255)}.${chance.whole(0, 255)}.${chance.whole(1, 254)}`
  }
  if (chance.isSo(0.002)) member.currentDevice = `lap-${member.uid}-${chance.whole(1000, 9999)}`
  const session = `s-${member.uid}-${day}`
  const visits = planVisits(organisation, member, today, fromMs, hours * HOUR_MS, chance)
  const base = {
    member,
    device: member.currentDevice,
    session,
    bytesIn: 0,
    bytesOut: 0,
  }
  const homeIp = networkOf(organisation, member, day, chance)
  const signInMs = (visits[0]?.atMs ?? fromMs) - chance.whole(5_000, 60_000)
  const wasAway = member.awayUntilDay === day
  let failures = chance.isSo(style.failedSignIns) ? chance.whole(1, 2) : 0
  if (wasAway && chance.isSo(0.2)) failures = chance.whole(3, 6)
  for (let at = failures; at >= 0; at--)
    happened.push({
      ...base,
      timeMs: signInMs - at * 9000,
      classUid: 3002,
      app: '',
      isSuccess: at === 0,
      ip: homeIp,
      isPrompt: chance.isSo(0.3),
    })
  let ip = homeIp
  for (const { app, atMs } of visits) {
    if (member.roams && chance.isSo(0.05)) ip = ip === homeIp ? member.mobileNetwork : homeIp
    const isNew = !member.habits.has(app)
    const isSuccess = !(isNew && chance.isSo(style.deniedShare * 3)) && !chance.isSo(0.002)
    if (isNew && isSuccess) member.habits.set(app, chance.logNormal(0.6, 1))
    const bytes = chance.logNormal((organisation.appBytes[app] ?? 1) * member.volume, 1.3)
    happened.push({
      ...base,
      timeMs: atMs,
      classUid: chance.isSo(0.5) ? 4002 : 4001,
      app: organisation.apps[app] ?? '',
      isSuccess,
      ip,
      bytesIn: isSuccess ? bytes : 0,
      bytesOut: isSuccess ? bytes * chance.logNormal(0.1, 0.8) : 0,
    })
  }
  if (chance.isSo(0.3)) browse(member, fromMs, homeIp, base, chance, happened)
  if (organisation.teams[member.team]?.department === 'operations' || chance.isSo(0.02))
    happened.push({
      ...base,
      timeMs: fromMs + chance.next() * hours * HOUR_MS,
      classUid: 6003,
      app: 'admin-api',
      isSuccess: true,
      ip: homeIp,
      operation: chance.pick(['ListUsers', 'GetPolicy', 'UpdateTicket', 'ReadReport', 'RotateKey']),
    })
}

function planVisits(
  organisation: Organisation,
  member: Member,
  today: Today,
  fromMs: number,
  spanMs: number,
  chance: Chance,
): Visit[] {
  const { style } = organisation
  const visits: Visit[] = []
  const at = (): number => fromMs + chance.next() * spanMs
  const habits = [...member.habits]
  const total = habits.reduce((sum, [, weight]) => sum + weight, 0)
  for (let count = 2 + chance.count(style.accessesPerDay); count > 0; count--) {
    let wanted = chance.next() * total
    const app = habits.find(([, weight]) => (wanted -= weight) <= 0)?.[0]
    if (app !== undefined) visits.push({ app, atMs: at() })
  }
  const team = organisation.teams[member.team]?.apps ?? []
  for (let count = chance.count(style.noveltyPerDay); count > 0; count--) {
    const draw = chance.next()
    const [fromTeam, popular] = style.noveltyFrom
    const app =
      draw < fromTeam && team.length > 0
        ? chance.pick(team)
        : draw < fromTeam + popular
          ? pickPopular(organisation.popularity, chance)
          : chance.whole(0, organisation.apps.length - 1)
    visits.push({ app, atMs: at() })
  }
  if (today.newApp !== null && chance.isSo(0.6))
    visits.push({ app: today.newApp, atMs: fromMs + chance.next() * HOUR_MS * 3 })
  if (member.project === null && chance.isSo(style.projectPerDay)) {
    const other = chance.pick(organisation.teams).apps
    const wanted = chance.whole(style.projectApps[0], style.projectApps[1])
    const apps = Array.from({ length: wanted }, () => (other.length > 0 ? chance.pick(other) : 0))
    member.project = { apps, untilDay: today.day + (chance.isSo(0.3) ? 1 : chance.whole(2, 6)) }
  }
  if (member.project !== null) {
    const left = Math.max(1, member.project.untilDay - today.day)
    const kickOffMs = at()
    for (const app of member.project.apps.splice(0, Math.ceil(member.project.apps.length / left)))
      visits.push({ app, atMs: kickOffMs + chance.next() * HOUR_MS })
    if (member.project.apps.length === 0) member.project = null
  }
  const isOnCall = chance.isSo(style.onCallShare / 10)
  if (isOnCall) {
    const incidentMs = fromMs + chance.next() * 14 * HOUR_MS
    const other = chance.pick(organisation.teams).apps
    for (let count = chance.whole(1, 4); count > 0; count--)
      if (other.length > 0) visits.push({ app: chance.pick(other), atMs: incidentMs + chance.next() * HOUR_MS })
  }
  return visits.toSorted((left, right) => left.atMs - right.atMs)
}

function networkOf(organisation: Organisation, member: Member, day: number, chance: Chance): string {
  if (day < member.travelUntilDay) return member.travelNetwork
  const office = organisation.offices[member.atOffice]
  return office !== undefined && chance.isSo(0.7) ? `${office}.${1 + (day % 3)}` : member.homeNetwork
}

function browse(
  member: Member,
  fromMs: number,
  ip: string,
  base: Pick<Occurrence, 'device' | 'session' | 'bytesIn' | 'bytesOut'>,
  chance: Chance,
  happened: Occurrence[],
): void {
  for (let count = chance.count(3); count > 0; count--)
    happened.push({
      ...base,
      member,
      timeMs: fromMs + chance.next() * 8 * HOUR_MS,
      classUid: 4002,
      app: '',
      host: `site-${Math.floor(chance.next() ** 3 * 3000)}.example`,
      isSuccess: true,
      ip,
      bytesIn: chance.logNormal(80_000, 1.5),
      bytesOut: chance.logNormal(4_000, 1.2),
    })
}

function pollDay(
  organisation: Organisation,
  member: Member,
  dayMs: number,
  chance: Chance,
  happened: Occurrence[],
): void {
  const apps = [...member.habits.keys()]
  if (chance.isSo(0.03)) apps.push(chance.whole(0, organisation.apps.length - 1))
  for (const app of apps)
    for (let hour = chance.whole(0, 3); hour < 24; hour += 4)
      happened.push({
        member,
        timeMs: dayMs + hour * HOUR_MS + chance.whole(0, 60_000),
        classUid: 4001,
        app: organisation.apps[app] ?? '',
        isSuccess: !chance.isSo(0.01),
        ip: `10.20.${member.team % 250}.7`,
        device: member.device,
        session: '',
        bytesIn: chance.logNormal(20_000, 0.6),
        bytesOut: chance.logNormal(5000, 0.6),
      })
}
