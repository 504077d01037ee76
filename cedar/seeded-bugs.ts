// One deliberate mistake per operator, as a change of the policy that only the compiled engine sees. Shows that the
// comparison would notice such a mistake in the evaluator. For tests only.
import { extensionFunctionNames } from '#core/policy/extension.ts'

type Bug = (est: unknown) => unknown
type Body = Readonly<Record<string, unknown>>

function isBody(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Rewrites every node of this name. */
function replacing(name: string, rewrite: (body: unknown) => unknown): Bug {
  const walk = (json: unknown): unknown => {
    if (Array.isArray(json)) return json.map(walk)
    if (!isBody(json)) return json
    const keys = Object.keys(json)
    if (keys.length === 1 && keys[0] === 'Value') return json
    const copied = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, walk(value)]))
    return keys.length === 1 && keys[0] === name ? rewrite(copied[name]) : copied
  }
  return walk
}

function fields(body: unknown): Body {
  return isBody(body) ? body : {}
}
function items(body: unknown): readonly unknown[] {
  return Array.isArray(body) ? body : []
}
function renamed(to: string): (body: unknown) => unknown {
  return (body) => ({ [to]: body })
}
function negated(name: string): (body: unknown) => unknown {
  return (body) => ({ '!': { arg: { [name]: body } } })
}

const swaps: Readonly<Record<string, string>> = {
  '==': '!=',
  '!=': '==',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '+',
  in: '==',
  '&&': '||',
  '||': '&&',
  containsAll: 'containsAny',
  containsAny: 'containsAll',
  isIpv4: 'isIpv6',
  isIpv6: 'isIpv4',
  isLoopback: 'isMulticast',
  isMulticast: 'isLoopback',
  lessThan: 'lessThanOrEqual',
  lessThanOrEqual: 'lessThan',
  greaterThan: 'greaterThanOrEqual',
  greaterThanOrEqual: 'greaterThan',
  offset: 'durationSince',
  durationSince: 'offset',
  toDate: 'toTime',
  toTime: 'toDate',
  toMilliseconds: 'toSeconds',
  toSeconds: 'toMinutes',
  toMinutes: 'toHours',
  toHours: 'toDays',
  toDays: 'toHours',
}

const constructors = extensionFunctionNames().filter((name) => ['ip', 'decimal', 'datetime', 'duration'].includes(name))

export const seededBugs: readonly (readonly [name: string, bug: Bug])[] = [
  ...Object.entries(swaps).map(([name, to]) => [name, replacing(name, renamed(to))] as const),
  ...['isEmpty', 'contains', 'hasTag', 'has', 'is'].map((name) => [name, replacing(name, negated(name))] as const),
  ...constructors.map((name) => [name, replacing(name, () => ({ [name]: [{ Value: 'wrong' }] }))] as const),
  ['!', replacing('!', (body) => fields(body)['arg'])],
  ['neg', replacing('neg', (body) => fields(body)['arg'])],
  ['getTag', replacing('getTag', renamed('hasTag'))],
  ['.', replacing('.', (body) => ({ '.': { ...fields(body), attr: 'b' } }))],
  ['has path', replacing('has', negated('has'))],
  [
    'like',
    replacing('like', (body) => ({ like: { ...fields(body), pattern: items(fields(body)['pattern']).slice(1) } })),
  ],
  [
    'is in',
    replacing('is', (body) => ({
      is: Object.fromEntries(Object.entries(fields(body)).filter(([key]) => key !== 'in')),
    })),
  ],
  ['isInRange', replacing('isInRange', (body) => ({ isInRange: items(body).toReversed() }))],
  [
    'if-then-else',
    replacing('if-then-else', (body) => ({ 'if-then-else': { ...fields(body), then: fields(body)['else'] } })),
  ],
  ['Set', replacing('Set', (body) => ({ Set: items(body).slice(1) }))],
  ['Record', replacing('Record', (body) => ({ Record: Object.fromEntries(Object.entries(fields(body)).slice(1)) }))],
]
