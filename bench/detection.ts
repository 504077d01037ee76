// Detection: what one event costs, and how well attacks are found in made-up organisations at the frozen thresholds.
import { type AttackName, attackNames } from '#intelligence/organisation/attacks.ts'
import { costPercentile, runTrial, type Trial } from '#intelligence/organisation/trial.ts'
import type { GenerateOptions } from '#intelligence/organisation/generate.ts'
import { atLeast, atMost, type Options, row, type Row } from './row.ts'

/** Seeds that no threshold was chosen with. */
const finalSeeds = [9001, 9002, 9003]

type Variant = {
  readonly name: string
  readonly options: Pick<GenerateOptions, 'style' | 'without'>
  readonly hasGoals: boolean
}

const variants: readonly Variant[] = [
  { name: 'office', options: { style: 'office' }, hasGoals: true },
  { name: 'sprawl', options: { style: 'sprawl' }, hasGoals: true },
  {
    name: 'office without groups, devices, sessions',
    options: { style: 'office', without: { groups: true, devices: true, sessions: true } },
    hasGoals: false,
  },
]

export async function measureDetection({ isQuick, say }: Options): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (const { name, options, hasGoals } of isQuick ? variants.slice(0, 1) : variants) {
    const trials: Trial[] = []
    for (const seed of isQuick ? finalSeeds.slice(0, 1) : finalSeeds) {
      const trial = runTrial({
        ...options,
        users: isQuick ? 500 : 2500,
        days: 35,
        seed,
        quietDays: 15,
        hasNewAppMonday: true,
        attacks: new Map(attackNames.map((each): [AttackName, number] => [each, each.startsWith('car-park') ? 8 : 3])),
      })
      trials.push(trial)
      say(`${name}, seed ${seed}: ${JSON.stringify({ ...trial, costUs: undefined })}`)
    }
    rows.push(...rowsOf(name, trials, hasGoals))
  }
  return rows
}

function rowsOf(name: string, trials: readonly Trial[], hasGoals: boolean): Row[] {
  const counted = `${trials.length} organisations of ${trials[0]?.users ?? 0} users, 21 days after 14 of learning`
  const recall = (attacks: readonly string[]): number[] =>
    trials.map((trial) => {
      const each = attacks.map((attack) => trial.byName[attack] ?? { attacks: 0, found: 0 })
      return (100 * each.reduce((sum, { found }) => sum + found, 0)) / each.reduce((sum, one) => sum + one.attacks, 0)
    })
  const carPark = ['car-park-none', 'car-park-medium']
  const goal = (value: ReturnType<typeof atMost>) => (hasGoals ? value : null)
  return [
    row({
      name: `${name}: recall, car park, no and medium stealth`,
      unit: '%',
      values: recall(carPark),
      goal: goal(atLeast(90)),
      counted,
    }),
    row({
      name: `${name}: false stories per 10,000 users and day`,
      unit: '',
      values: trials.map(({ falsePer10kUsersAndDay }) => falsePer10kUsersAndDay),
      goal: goal(atMost(1)),
      counted,
    }),
    row({
      name: `${name}: median hops, car park, no and medium stealth`,
      unit: 'apps',
      values: trials.map(({ carParkHops }) => carParkHops ?? Number.NaN),
      goal: goal(atMost(4)),
      counted,
    }),
    row({
      name: `${name}: stories of the new-app Monday`,
      unit: '',
      values: trials.map(({ newAppDayStories }) => newAppDayStories),
      goal: goal(atMost(1)),
      counted,
    }),
    row({ name: `${name}: recall, car park, high stealth`, unit: '%', values: recall(['car-park-high']), counted }),
    row({
      name: `${name}: recall, all other attacks`,
      unit: '%',
      values: recall(attackNames.filter((attack) => !attack.startsWith('car-park'))),
      counted,
    }),
    row({
      name: `${name}: one event, p99`,
      unit: 'µs',
      values: trials.map(({ costUs }) => costPercentile(costUs, 0.99)),
      goal: goal(atMost(50)),
      counted: 'all detectors, parsing apart, this thread',
    }),
  ]
}
