// JSON in which 64-bit integers stay exact: read as `bigint` beyond 53 bits, written as digits. JSON.parse alone would
// round them, and a rounded limit is another limit.

type RawJson = { rawJSON(text: string): object; isRawJSON(value: unknown): boolean }

/** The same tree with every bigint (and our `__long` form) as a literal that JSON.stringify writes digit by digit. */
export function withRawLongs(json: unknown): unknown {
  if (typeof json === 'bigint') return (JSON as unknown as RawJson).rawJSON(json.toString())
  if (Array.isArray(json)) return json.map(withRawLongs)
  if (typeof json !== 'object' || json === null || (JSON as unknown as RawJson).isRawJSON(json)) return json
  const entries = Object.entries(json)
  const [first] = entries
  if (
    entries.length === 1 &&
    first?.[0] === '__long' &&
    typeof first[1] === 'string' &&
    /^-?[0-9]{1,20}$/.test(first[1])
  ) {
    return (JSON as unknown as RawJson).rawJSON(first[1])
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, withRawLongs(value)]))
}

/** Integers beyond 53 bits become `{"__long": digits}`, the form of core/policy. */
export function parseWithLongForm(text: string, parse: typeof JSON.parse = JSON.parse): unknown {
  if (!/[0-9]{16}/.test(text)) return parse(text)
  return parse(text, longForm)
}

function longForm(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const source = context?.source ?? ''
  return /^-?[0-9]+$/.test(source) ? { __long: source } : value
}
