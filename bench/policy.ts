// The policy engine against the official one, in turns on the same requests: a user in 20 groups, 1,000 and 10,000
// policies. Both answers are compared, so that a fast wrong answer counts for nothing.
import { performance } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { withRawLongs } from '#cedar/json-exact.ts'
import { startPolicyChecker } from '#cedar/checker.ts'
import { askPrepared, prepareOfficial } from '#cedar/official.ts'
import { loadCedar } from '#cedar/wasm.ts'
import { decideRequest } from '#core/policy/decide.ts'
import { appEntity, groupEntity, userEntity } from '#core/policy/directory.ts'
import { EntityStore } from '#core/policy/entity.ts'
import { evaluate } from '#core/policy/evaluate.ts'
import { compilePolicies, type PolicyDefinition } from '#core/policy/policy.ts'
import { PolicySet } from '#core/policy/policy-set.ts'
import { policySchema } from '#core/policy/schema.ts'
import { readRecord, readUid } from '#core/policy/value-json.ts'
import { atMost, atLeast, type Options, percentile, row, type Row } from './row.ts'

const GROUPS = 500
const APPS = 200
const MEMBERSHIPS = 20
const uid = (type: string, id: string) => ({ type, id })
const context = {
  session: { factors: ['password', 'totp'], ageSeconds: 60, door: 'agent' },
  device: { id: 'dev_1', posture: 2, os: 'linux' },
  network: { ip: { __extn: { fn: 'ip', arg: '192.0.2.7' } } },
  time: { now: { __extn: { fn: 'datetime', arg: '2026-06-01T10:00:00Z' } }, hour: 10, weekday: 1 },
  risk: 12,
  approved: false,
}

export async function measurePolicy(options: Options): Promise<readonly Row[]> {
  return [...(await measure(1000, { p50: 3, p99: 20 }, options)), ...(await measure(10_000, { p50: 5 }, options))]
}

function textOf(at: number): string {
  return `permit (principal in Group::"g${at % GROUPS}", action == Action::"connect", resource == App::"a${(at * 7) % APPS}")
when { context.risk < ${20 + (at % 60)} && context.session.factors.contains("totp") && context.time.hour >= ${at % 12} };`
}

async function measure(
  count: number,
  goals: { readonly p50: number; readonly p99?: number },
  { isQuick }: Options,
): Promise<readonly Row[]> {
  const documents = Array.from({ length: count }, (_, at) => ({ name: `p${at}`, text: textOf(at) }))
  await using checker = startPolicyChecker()
  const fromText = performance.now()
  const checked = await checker.check({ documents, schema: policySchema }, { deadlineMs: 120_000 })
  if (!checked.ok) throw new Error(JSON.stringify(checked.errors.slice(0, 2)))
  const textSeconds = (performance.now() - fromText) / 1000
  const compileSeconds: number[] = []
  let set = PolicySet.empty
  for (let each = 0; each < 5; each++) {
    const begin = performance.now()
    set = PolicySet.of(compilePolicies(checked.policies))
    compileSeconds.push((performance.now() - begin) / 1000)
  }
  const heapBytes = heapPerPolicy(checked.policies)
  const cedar = loadCedar()
  const problem = prepareOfficial(cedar, 'bench', {
    staticPolicies: Object.fromEntries(documents.map(({ name, text }) => [name, text])),
  })
  if (problem !== null) throw new Error(problem)

  const groups = Array.from({ length: MEMBERSHIPS }, (_, at) => `g${(at * 23) % GROUPS}`)
  const entities = EntityStore.of([
    ...Array.from({ length: GROUPS }, (_, at) => groupEntity(`g${at}`)),
    ...Array.from({ length: APPS }, (_, at) => appEntity(`a${at}`, `App ${at}`, 'tcp')),
    userEntity({ name: 'u', displayName: 'U', email: 'u@example.test', groups, organisation: null }),
  ])
  // The official engine is given no more than it needs: the user, their groups, the app.
  const officialEntities = (app: string) =>
    withRawLongs([
      {
        uid: uid('User', 'u'),
        attrs: { name: 'U', outside: false },
        parents: groups.map((name) => uid('Group', name)),
      },
      ...groups.map((name) => ({ uid: uid('Group', name), attrs: {}, parents: [] })),
      { uid: uid('App', app), attrs: { name: app, kind: 'tcp' }, parents: [] },
    ])
  const questions = Array.from({ length: APPS }, (_, at) => {
    const plain = {
      principal: uid('User', 'u'),
      action: uid('Action', 'connect'),
      resource: uid('App', `a${at}`),
      context,
    }
    return {
      official: { ...plain, entities: officialEntities(`a${at}`) },
      ours: {
        principal: readUid(plain.principal, 'principal'),
        action: readUid(plain.action, 'action'),
        resource: readUid(plain.resource, 'resource'),
        context: readRecord(context, 'context'),
      },
    }
  })
  let allowed = 0
  for (const { ours, official } of questions.slice(0, 50)) {
    const [mine, theirs] = [evaluate(set, ours, entities), askPrepared(cedar, 'bench', official)]
    if (
      'failure' in theirs ||
      mine.decision !== theirs.decision ||
      mine.reasons.toSorted().join() !== theirs.reasons.join()
    )
      throw new Error(`the engines differ: ${JSON.stringify([mine, theirs])}`)
    if (mine.decision === 'allow') allowed++
  }
  for (let each = 0; each < 20_000; each++) ask(each)
  const p50: number[] = []
  const p99: number[] = []
  const officialUs: number[] = []
  for (let repeat = 0; repeat < 5; repeat++) {
    const took: number[] = []
    for (let each = 0; each < 20_000; each++) took.push(ask(each))
    p50.push(percentile(took, 0.5))
    p99.push(percentile(took, 0.99))
    const theirs: number[] = []
    for (let each = 0; each < (isQuick ? 10 : 40); each++) {
      const question = questions[(each * 37) % APPS]
      if (question === undefined) continue
      const begin = performance.now()
      askPrepared(cedar, 'bench', question.official)
      theirs.push((performance.now() - begin) * 1000)
    }
    officialUs.push(percentile(theirs, 0.5))
  }

  function ask(at: number): number {
    const question = questions[at % APPS]
    if (question === undefined) throw new Error('no question')
    const begin = performance.now()
    decideRequest(set, entities, question.ours)
    return (performance.now() - begin) * 1000
  }
  const name = `${count.toLocaleString('en')} policies`
  const counted = `one decision with its reasons, 20 groups, ${allowed} of 50 allowed`
  const speed = officialUs.map((each, at) => each / (p50[at] ?? Number.NaN))
  return [
    row({
      name: `decide, ${name}, p50`,
      unit: 'µs',
      values: p50,
      goal: atMost(goals.p50),
      peer: { values: officialUs, version: 'cedar-wasm 4.13 statefulIsAuthorized' },
      counted,
    }),
    row({
      name: `decide, ${name}, p99`,
      unit: 'µs',
      values: p99,
      goal: goals.p99 === undefined ? null : atMost(goals.p99),
      counted,
    }),
    row({
      name: `decide, ${name}, times the official engine`,
      unit: '×',
      values: speed,
      goal: count === 1000 ? atLeast(500) : null,
      counted: 'p50 by p50 of the same repeat',
    }),
    row({
      name: `compile ${name} from JSON form`,
      unit: 's',
      values: compileSeconds,
      goal: count === 10_000 ? atMost(1) : null,
      counted: 'this thread',
    }),
    row({
      name: `heap of ${name}, each`,
      unit: 'B',
      values: heapBytes,
      goal: atMost(2048),
      counted: 'compiled, with index and JSON form, as the exchange keeps them',
    }),
    row({
      name: `check and parse ${name} from text`,
      unit: 's',
      values: [textSeconds],
      goal: count === 10_000 ? atMost(6) : null,
      counted: 'the worker, its start included',
    }),
  ]
}

/** What the heap grows by, as long as the set is there. */
function heapPerPolicy(definitions: readonly PolicyDefinition[]): number[] {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const json = JSON.stringify(definitions)
  PolicySet.of(compilePolicies(definitions.slice(0, 100)))
  const kept: PolicySet[] = []
  const grown: number[] = []
  for (let repeat = 0; repeat < 3; repeat++) {
    collect()
    const before = process.memoryUsage().heapUsed
    kept.push(PolicySet.of(compilePolicies(JSON.parse(json) as PolicyDefinition[])))
    collect()
    grown.push((process.memoryUsage().heapUsed - before) / definitions.length)
  }
  if (kept.some(({ size }) => size !== definitions.length)) throw new Error('policies are missing')
  return grown
}
