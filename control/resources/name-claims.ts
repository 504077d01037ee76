// Which apps claim one name and port for agents. Must never let two apps of a tenant answer at the same place: which
// one a person reached would be a matter of order. A wildcard beside an exact name is no conflict: the exact one wins.
import { parsePortRange } from '#core/names.ts'
import type { Document } from './document.ts'

export type NameConflict = { readonly other: string; readonly port: number }
/** `<app> <host pattern>` → the other app and the first port that both claim. */
export type NameConflicts = ReadonlyMap<string, NameConflict>

type Claim = { readonly app: string; readonly first: number; readonly last: number }

export function nameConflicts(apps: readonly Extract<Document, { kind: 'App' }>[]): NameConflicts {
  const claims = new Map<string, Claim[]>()
  for (const { name: app, spec } of apps) {
    if (spec.enabled === false) continue
    for (const { host, ports } of spec.names ?? [])
      for (const text of ports) {
        const range = parsePortRange(text)
        if (range) claims.getOrInsertComputed(host, () => []).push({ app, ...range })
      }
  }
  const found = new Map<string, NameConflict>()
  for (const [host, ofHost] of claims) {
    for (const [one, other] of overlaps(ofHost)) {
      const port = Math.max(one.first, other.first)
      found.getOrInsert(`${one.app} ${host}`, { other: other.app, port })
      found.getOrInsert(`${other.app} ${host}`, { other: one.app, port })
    }
  }
  return found
}

/** In order of their first port each is held against the claim of another app that reaches furthest: n log n. */
function* overlaps(claims: readonly Claim[]): Generator<readonly [Claim, Claim]> {
  let furthest: Claim | undefined
  let furthestOfAnother: Claim | undefined
  for (const claim of claims.toSorted((a, b) => a.first - b.first)) {
    const against = furthest?.app === claim.app ? furthestOfAnother : furthest
    if (against && against.last >= claim.first) yield [against, claim]
    if (!furthest || claim.last > furthest.last) {
      if (furthest && furthest.app !== claim.app) furthestOfAnother = furthest
      furthest = claim
    } else if (claim.app !== furthest.app && claim.last > (furthestOfAnother?.last ?? 0)) furthestOfAnother = claim
  }
}
