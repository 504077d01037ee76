// A made-up organisation's events, day by day in order of time, with labelled attacks. Deterministic for a seed. Must never
// hold more than a day of events.
import { type Attack, type AttackName, setStart, stage } from './attacks.ts'
import { type Occurrence, writeEvent } from './occurrence.ts'
import { foundOrganisation, type Member, type Organisation } from './organisation.ts'
import { chanceOf, type Chance } from './random.ts'
import { type Style, styles } from './style.ts'
import { liveDay } from './working-day.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** A Monday. */
const START_MS = Date.UTC(2026, 0, 5)

export type GenerateOptions = {
  readonly users: number
  readonly days: number
  readonly seed: number
  readonly style: Style['name']
  /** Kind and how many. */
  readonly attacks: ReadonlyMap<AttackName, number>
  /** Attacks begin from this day on. */
  readonly quietDays: number
  /** Everyone is told to open a new app on the second Monday after the quiet days. */
  readonly hasNewAppMonday: boolean
  readonly without?: { readonly groups?: boolean; readonly devices?: boolean; readonly sessions?: boolean }
}

export type Generated = {
  readonly labels: readonly Attack[]
  readonly newAppDay: number | null
  readonly startMs: number
  days(): Generator<readonly Readonly<Record<string, unknown>>[]>
}

export function generateOrganisation(options: GenerateOptions): Generated {
  const { users, days, seed, quietDays, without } = options
  const base = styles[options.style]
  const style: Style = {
    ...base,
    hasGroups: base.hasGroups && without?.groups !== true,
    hasDevices: base.hasDevices && without?.devices !== true,
    hasSessions: base.hasSessions && without?.sessions !== true,
  }
  const chance = chanceOf(seed)
  const organisation = foundOrganisation(style, users, days, chance.fork('people'))
  setStart(organisation, START_MS)
  const plans = planAttacks(organisation, options, chance.fork('attacks'))
  const labels: Attack[] = []
  const newAppDay = options.hasNewAppMonday ? Math.ceil((quietDays + 1) / 7) * 7 : null
  return {
    labels,
    newAppDay,
    startMs: START_MS,
    days: () => live({ organisation, days, newAppDay, plans, labels, chance: chance.fork('days') }),
  }
}

type Plan = { readonly name: AttackName; readonly member: Member; readonly day: number; readonly chance: Chance }

type Living = {
  readonly organisation: Organisation
  readonly days: number
  readonly newAppDay: number | null
  readonly plans: readonly Plan[]
  readonly labels: Attack[]
  readonly chance: Chance
}

function* live({
  organisation,
  days,
  newAppDay,
  plans,
  labels,
  chance,
}: Living): Generator<readonly Readonly<Record<string, unknown>>[]> {
  let waiting: Occurrence[] = []
  let written = 0
  for (let day = 0; day < days; day++) {
    const newApp = day === newAppDay ? organisation.apps.length - 1 : null
    const today = liveDay(organisation, { day, startMs: START_MS, newApp }, chance).map((each) => ({
      ...each,
      timeMs: Math.floor(each.timeMs),
    }))
    for (const plan of plans) {
      if (plan.day !== day) continue
      // Attackers too mostly work when the victim does: by day, among their sign-ins.
      const fromMs = START_MS + day * DAY_MS + (plan.member.startHour + 1 + plan.chance.next() * 5) * HOUR_MS
      const attack = stage(plan.name, { organisation, member: plan.member, fromMs, chance: plan.chance })
      labels.push(attack)
      waiting.push(...attack.occurrences)
    }
    const endMs = START_MS + (day + 1) * DAY_MS
    const all = [...waiting, ...today].toSorted((left, right) => left.timeMs - right.timeMs)
    waiting = all.filter(({ timeMs }) => timeMs >= endMs)
    const due = day === days - 1 ? all : all.filter(({ timeMs }) => timeMs < endMs)
    yield due.map((occurrence) => writeEvent(organisation, occurrence, `e${++written}`))
  }
}

function planAttacks(
  organisation: Organisation,
  { attacks, quietDays, days }: GenerateOptions,
  chance: Chance,
): Plan[] {
  const plans: Plan[] = []
  const taken = new Set<Member>()
  for (const [name, count] of attacks) {
    for (let each = 0; each < count; each++) {
      const kind = name === 'third-party' ? 'contractor' : 'staff'
      const candidates = organisation.members.filter(
        (member) =>
          member.kind === kind &&
          member.joinsDay === 0 &&
          member.leavesDay > days &&
          !member.isOnShifts &&
          !taken.has(member),
      )
      if (candidates.length === 0) continue
      const member = chance.pick(candidates)
      taken.add(member)
      const firstDay = name === 'dormant-return' ? Math.max(quietDays, 21) : quietDays
      let day = chance.whole(firstDay, Math.max(firstDay, days - 7))
      while ([5, 6].includes(day % 7)) day--
      // Whom nobody has seen for two weeks: there at first, then gone.
      if (name === 'dormant-return') member.leavesDay = 7
      plans.push({ name, member, day: Math.max(quietDays, day), chance: chance.fork(`${name}-${each}`) })
    }
  }
  return plans
}
