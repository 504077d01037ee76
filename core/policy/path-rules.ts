// Whether an app's own rules open a path and method, and which canonical paths a rule covers. Must never let a rule that
// closes a place leave open what most apps answer alike.
import type { PathRule } from '#core/records/app.ts'

/** The first rule that matches method and path decides; none matching means allowed. A rule for GET is one for HEAD. */
export function isPathAllowed(
  rules: readonly PathRule[],
  { method, path }: { readonly method: string; readonly path: string },
): boolean {
  for (const rule of rules) {
    if (rule.methods !== undefined && !coversMethod(rule.methods, method)) continue
    if (matchesPath(rule.path, path)) return rule.allow
  }
  return true
}

function coversMethod(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

function matchesPath(pattern: string, path: string): boolean {
  // Most apps answer `/secret/` as they answer `/secret`.
  if (!pattern.endsWith('/*')) return withoutSlash(path) === withoutSlash(pattern)
  // Many apps answer `/admin` as they answer `/admin/`: a rule for what is below is one for the place itself.
  return path.startsWith(pattern.slice(0, -1)) || path === pattern.slice(0, -2)
}

function withoutSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path
}
