// Cedar's extension functions by name. Must list every function of the bundled Cedar version and nothing else: an
// unknown name is a refused policy, never a default.
import {
  Datetime,
  Duration,
  durationSince,
  inUnits,
  offset,
  parseDatetime,
  parseDuration,
  toDate,
  toTime,
} from './datetime.ts'
import { Decimal, parseDecimal } from './decimal.ts'
import { failEvaluation } from './evaluation-error.ts'
import { Ipaddr, isInRange, isLoopback, isMulticast, parseIpaddr } from './ipaddr.ts'
import { typeName, type Value } from './value.ts'

export type ExtensionFunction = {
  readonly name: string
  readonly isConstructor: boolean
  readonly arity: number
  /** `arguments_` has `arity` values. Throws EvaluationError. */
  readonly call: (first: Value, second: Value) => Value
}

const functions = new Map<string, ExtensionFunction>()

function define(name: string, arity: 1 | 2, call: (first: Value, second: Value) => Value, isConstructor = false): void {
  functions.set(name, { name, arity, call, isConstructor })
}

export function extensionFunction(name: string): ExtensionFunction | undefined {
  return functions.get(name)
}

export function extensionFunctionNames(): readonly string[] {
  return [...functions.keys()]
}

function construct(name: string, parse: (text: string) => Value | null): void {
  const make = (argument: Value): Value => {
    const text = typeof argument === 'string' ? argument : expected('string', argument)
    return parse(text) ?? failEvaluation(`${name}: ${JSON.stringify(text.slice(0, 100))} is not well formed`)
  }
  define(name, 1, make, true)
}

construct('ip', parseIpaddr)
construct('decimal', parseDecimal)
construct('datetime', parseDatetime)
construct('duration', parseDuration)

define('isIpv4', 1, (ip) => asIpaddr(ip).version === 4)
define('isIpv6', 1, (ip) => asIpaddr(ip).version === 6)
define('isLoopback', 1, (ip) => isLoopback(asIpaddr(ip)))
define('isMulticast', 1, (ip) => isMulticast(asIpaddr(ip)))
define('isInRange', 2, (inner, outer) => isInRange(asIpaddr(inner), asIpaddr(outer)))

define('lessThan', 2, (left, right) => asDecimal(left).units < asDecimal(right).units)
define('lessThanOrEqual', 2, (left, right) => asDecimal(left).units <= asDecimal(right).units)
define('greaterThan', 2, (left, right) => asDecimal(left).units > asDecimal(right).units)
define('greaterThanOrEqual', 2, (left, right) => asDecimal(left).units >= asDecimal(right).units)

define('offset', 2, (from, by) => offset(asDatetime(from), asDuration(by)))
define('durationSince', 2, (to, from) => durationSince(asDatetime(to), asDatetime(from)))
define('toDate', 1, (moment) => toDate(asDatetime(moment)))
define('toTime', 1, (moment) => toTime(asDatetime(moment)))
define('toMilliseconds', 1, (duration) => asDuration(duration).ms)
define('toSeconds', 1, (duration) => inUnits(asDuration(duration), 1_000))
define('toMinutes', 1, (duration) => inUnits(asDuration(duration), 1_000, 60))
define('toHours', 1, (duration) => inUnits(asDuration(duration), 1_000, 60, 60))
define('toDays', 1, (duration) => inUnits(asDuration(duration), 1_000, 60, 60, 24))

function asIpaddr(value: Value): Ipaddr {
  return value instanceof Ipaddr ? value : expected('ipaddr', value)
}
function asDecimal(value: Value): Decimal {
  return value instanceof Decimal ? value : expected('decimal', value)
}
function asDatetime(value: Value): Datetime {
  return value instanceof Datetime ? value : expected('datetime', value)
}
function asDuration(value: Value): Duration {
  return value instanceof Duration ? value : expected('duration', value)
}

function expected(wanted: string, found: Value): never {
  return failEvaluation(`type error: expected ${wanted}, got ${typeName(found)}`)
}
