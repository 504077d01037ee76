// Labelled attacks, each at a degree of stealth, laid over the ordinary days of a member. Must never look at what
// detectors do.
import type { Occurrence } from './occurrence.ts'
import type { Member, Organisation } from './organisation.ts'
import type { Chance } from './random.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

export const attackNames = [
  'car-park-none',
  'car-park-medium',
  'car-park-high',
  'session-theft',
  'impossible-travel',
  'mass-download',
  'slow-leak',
  'password-spray',
  'prompt-fatigue',
  'dormant-return',
  'identity-path',
  'beacon',
  'third-party',
  'privilege',
] as const
export type AttackName = (typeof attackNames)[number]

export type Attack = {
  readonly name: AttackName
  readonly member: Member
  readonly startMs: number
  readonly endMs: number
  readonly occurrences: readonly Occurrence[]
}

export type Scene = {
  readonly organisation: Organisation
  readonly member: Member
  /** A working morning of the member. */
  readonly fromMs: number
  readonly chance: Chance
}

export function stage(name: AttackName, scene: Scene): Attack {
  const occurrences = plots[name](scene)
    .map((each) => ({ ...each, timeMs: Math.floor(each.timeMs) }))
    .toSorted((left, right) => left.timeMs - right.timeMs)
  return {
    name,
    // On the path, the identity that is used is the one that is not itself.
    member: (name === 'identity-path' ? occurrences[0]?.member : undefined) ?? scene.member,
    startMs: occurrences[0]?.timeMs ?? scene.fromMs,
    endMs: occurrences.at(-1)?.timeMs ?? scene.fromMs,
    occurrences,
  }
}

const plots: Readonly<Record<AttackName, (scene: Scene) => Occurrence[]>> = {
  'car-park-none': (scene) => {
    const apps = strangeApps(scene, scene.chance.whole(6, 14))
    return hop(scene, apps, { pace: 3 * MINUTE_MS, denied: 0.4, from: thief(scene, 0.5) })
  },
  'car-park-medium': (scene) => {
    const near = teamApps(scene, 2)
    const apps = [...near, ...strangeApps(scene, scene.chance.whole(6, 10))]
    return hop(scene, apps, { pace: 35 * MINUTE_MS, denied: 0.25, from: thief(scene, 0.25) })
  },
  'car-park-high': (scene) => {
    const apps = [...teamApps(scene, 4), ...neighbourApps(scene, 4)]
    return hop(scene, apps, { pace: 14 * HOUR_MS, denied: 0, from: thief(scene, 0) })
  },
  'session-theft': (scene) => {
    const from = { ...thief(scene, 1), session: sessionOf(scene) }
    const habits = [...scene.member.habits.keys()].slice(0, 6)
    return hop(scene, habits, { pace: 5 * MINUTE_MS, denied: 0, from })
  },
  'impossible-travel': (scene) => {
    const from = thief(scene, 1)
    const first = { ...blank(scene, scene.fromMs, from), classUid: 3002 as const }
    return [
      first,
      ...hop(scene, [...scene.member.habits.keys()].slice(0, 4), { pace: 10 * MINUTE_MS, denied: 0, from }),
    ]
  },
  'mass-download': (scene) => {
    const app = [...scene.member.habits.keys()][0] ?? 0
    return Array.from({ length: 400 }, (_, at) => ({
      ...blank(scene, scene.fromMs + at * 6000, own(scene)),
      app: scene.organisation.apps[app] ?? '',
      bytesIn: scene.chance.logNormal(4e6, 0.8),
      bytesOut: 20_000,
    }))
  },
  'slow-leak': (scene) => {
    const app = [...scene.member.habits.keys()][0] ?? 0
    return Array.from({ length: 60 }, (_, at) => ({
      ...blank(scene, scene.fromMs + Math.floor(at / 10) * DAY_MS + (at % 10) * 40 * MINUTE_MS, own(scene)),
      app: scene.organisation.apps[app] ?? '',
      bytesIn: scene.chance.logNormal(3e6, 0.5),
      bytesOut: scene.chance.logNormal(1e6, 0.5),
    }))
  },
  'password-spray': (scene) => {
    const { organisation, chance, member } = scene
    const from = thief(scene, 1)
    const targets = organisation.members.filter(({ kind }) => kind === 'staff')
    const tries = Array.from({ length: Math.min(120, targets.length) }, (_, at) => ({
      ...blank(scene, scene.fromMs + at * 20_000, from),
      member: chance.pick(targets),
      classUid: 3002 as const,
      isSuccess: false,
      session: '',
      device: '',
    }))
    const success = { ...blank(scene, scene.fromMs + 130 * 20_000, from), member, classUid: 3002 as const, device: '' }
    return [...tries, success]
  },
  'prompt-fatigue': (scene) => {
    const from = thief(scene, 1)
    const prompts = Array.from({ length: scene.chance.whole(8, 16) }, (_, at) => ({
      ...blank(scene, scene.fromMs + at * 70_000, from),
      classUid: 3002 as const,
      isSuccess: false,
      isPrompt: true,
    }))
    return [...prompts, { ...blank(scene, scene.fromMs + 18 * 70_000, from), classUid: 3002, isPrompt: true }]
  },
  'dormant-return': (scene) => {
    const from = thief(scene, 1)
    const first = { ...blank(scene, scene.fromMs, from), classUid: 3002 as const }
    return [first, ...hop(scene, [...scene.member.habits.keys()].slice(0, 5), { pace: 4 * MINUTE_MS, denied: 0, from })]
  },
  'identity-path': (scene) => {
    const { organisation, chance, member } = scene
    const colleagues = organisation.members.filter(
      (each) => each !== member && each.kind === 'staff' && each.team !== member.team,
    )
    const second = chance.pick(colleagues)
    const apps = [...second.habits.keys()].filter((app) => !member.habits.has(app)).slice(0, 5)
    const steps = hop(scene, apps, { pace: 6 * MINUTE_MS, denied: 0, from: own(scene) })
    return steps.map((step) => ({ ...step, member: second, session: '' }))
  },
  beacon: (scene) =>
    Array.from({ length: 200 }, (_, at) => ({
      ...blank(scene, scene.fromMs + at * 5 * MINUTE_MS + scene.chance.whole(-9000, 9000), own(scene)),
      classUid: 4002 as const,
      app: '',
      host: `cdn-${scene.member.uid}.example`,
      bytesIn: 900,
      bytesOut: 600,
    })),
  'third-party': (scene) => hop(scene, strangeApps(scene, 6), { pace: 12 * MINUTE_MS, denied: 0.3, from: own(scene) }),
  privilege: (scene) => {
    const operations = ['ExportPolicy', 'CreateAdmin', 'DisableLogging', 'GrantRole', 'DeleteBackup']
    return operations.map((operation, at) => ({
      ...blank(scene, scene.fromMs + at * 3 * MINUTE_MS, own(scene)),
      classUid: 6003 as const,
      app: 'admin-api',
      operation,
    }))
  },
}

type Way = { readonly ip: string; readonly device: string; readonly session: string }

function own({ member, organisation, fromMs }: Scene): Way {
  const office = organisation.offices[member.atOffice]
  return {
    ip: office === undefined ? member.homeNetwork : `${office}.1`,
    device: member.currentDevice,
    session: `s-${member.uid}-${fromMs}`,
  }
}

/** From elsewhere, on another device, in this share of attacks; else from the member's own. */
function thief(scene: Scene, elsewhere: number): Way {
  const { chance } = scene
  if (!chance.isSo(elsewhere)) return own(scene)
  const ip = `${chance.whole(191, 222)}.${chance.whole(0, 255)}.${chance.whole(0, 255)}.${chance.whole(1, 254)}`
  return { ip, device: chance.isSo(0.7) ? `x-${chance.whole(1e6, 9e6)}` : '', session: `t-${chance.whole(1e6, 9e6)}` }
}

function sessionOf({ member, fromMs, organisation }: Scene): string {
  // The session of that day, as the ordinary day names it.
  return `s-${member.uid}-${Math.floor((fromMs - startOf(organisation)) / DAY_MS)}`
}

const starts = new WeakMap<Organisation, number>()
export function setStart(organisation: Organisation, startMs: number): void {
  starts.set(organisation, startMs)
}
function startOf(organisation: Organisation): number {
  return starts.get(organisation) ?? 0
}

function blank({ member }: Scene, timeMs: number, way: Way): Occurrence {
  return { member, timeMs, classUid: 4001, app: '', isSuccess: true, ...way, bytesIn: 0, bytesOut: 0 }
}

type Walk = { readonly pace: number; readonly denied: number; readonly from: Way }

function hop(scene: Scene, apps: readonly number[], { pace, denied, from }: Walk): Occurrence[] {
  const { organisation, chance, member } = scene
  let atMs = scene.fromMs
  return apps.flatMap((app) => {
    atMs += chance.logNormal(pace, 0.6)
    const isNew = !member.habits.has(app)
    const isSuccess = !(isNew && chance.isSo(denied))
    return Array.from({ length: isSuccess ? chance.whole(1, 3) : 1 }, (_, at) => ({
      ...blank(scene, atMs + at * 8000, from),
      app: organisation.apps[app] ?? '',
      isSuccess,
      bytesIn: isSuccess ? chance.logNormal(40_000, 1) : 0,
      bytesOut: isSuccess ? chance.logNormal(4000, 1) : 0,
    }))
  })
}

function strangeApps({ organisation, member, chance }: Scene, wanted: number): number[] {
  const found = new Set<number>()
  for (let tries = 0; found.size < wanted && tries < 2000; tries++) {
    const app = chance.whole(0, organisation.apps.length - 1)
    if (!member.habits.has(app)) found.add(app)
  }
  return [...found]
}

function teamApps({ organisation, member }: Scene, most: number): number[] {
  return (organisation.teams[member.team]?.apps ?? []).filter((app) => !member.habits.has(app)).slice(0, most)
}

/** Apps of people of the same department. */
function neighbourApps({ organisation, member, chance }: Scene, wanted: number): number[] {
  const department = organisation.teams[member.team]?.department
  const teams = organisation.teams.filter((team) => team.department === department)
  const apps = teams.flatMap((team) => team.apps).filter((app) => !member.habits.has(app))
  return apps.length === 0 ? [] : Array.from({ length: wanted }, () => chance.pick(apps))
}
