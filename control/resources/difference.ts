// Which fields differ between two specs, as dotted paths: what people see before and after a change. Never values.

export function changedFields(before: unknown, after: unknown, path = ''): string[] {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()
    return names.flatMap((name) => changedFields(before[name], after[name], path === '' ? name : `${path}.${name}`))
  }
  return sameJson(before, after) ? [] : [path]
}

function sameJson(left: unknown, right: unknown): boolean {
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((value, index) => sameJson(value, right[index]))
  if (isRecord(left) && isRecord(right)) return changedFields(left, right).length === 0
  return left === right
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
