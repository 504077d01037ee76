// What is valid in the policies and surely not meant: a mistyped name in a forbid protects nothing. Advice beside the
// answer of apply; must never refuse anything, nor fail an apply that is done already.
import { compilePolicies, type Policy } from '#core/policy/policy.ts'
import { lintPolicies, type KnownNames } from '#cedar/lint.ts'
import { caps } from '#control/caps.ts'
import { policyRecords, specOf } from '#control/records/from-rows.ts'
import type { Document } from './document.ts'
import type { Placed } from './document-faults.ts'
import type { ResourceRow } from './plan.ts'

export type PolicyWarning = { readonly document: string; readonly message: string }

/** `rows`: all of the tenant, as they are once the documents are applied. */
export function policyWarnings(rows: readonly ResourceRow[], documents: readonly Placed<Document>[]): PolicyWarning[] {
  const placeOf = new Map(documents.map(({ at, value }) => [`${value.kind} ${value.name}`, at]))
  const isAboutAccess = documents.some(({ value }) => value.kind === 'App' || value.kind === 'Policy')
  const documentOf = new Map<string, string>()
  const warnings: PolicyWarning[] = []
  for (const { kind, message, policy } of lintPolicies(policiesOf(rows, documentOf), knownNames(rows))) {
    const name = policy === null ? undefined : documentOf.get(policy.id)
    const place = name === undefined ? undefined : placeOf.get(`Policy ${name}`)
    // Of policies that were not sent only that a name is gone: the rest was told when they were.
    const isTold = policy === null ? isAboutAccess : place !== undefined || kind === 'unknown-name'
    if (!isTold) continue
    const where = policy === null ? '' : `policy ${policy.name}${policy.line === null ? '' : `, line ${policy.line}`}: `
    warnings.push({ document: place ?? (name === undefined ? '' : `Policy ${name}`), message: `${where}${message}` })
    if (warnings.length >= caps.faultsShown.default) break
  }
  return warnings
}

function policiesOf(rows: readonly ResourceRow[], documentOf: Map<string, string>): readonly Policy[] {
  const records = rows
    .filter(({ kind }) => kind === 'Policy')
    .flatMap((row) =>
      policyRecords(row).map((record) => {
        documentOf.set(record.id, row.name)
        return record
      }),
    )
  return compilePolicies(records)
}

function knownNames(rows: readonly ResourceRow[]): KnownNames {
  const apps = rows.filter(({ kind }) => kind === 'App')
  const names = (kind: string) => new Set(rows.filter((row) => row.kind === kind).map(({ name }) => name))
  return {
    users: names('User'),
    groups: names('Group'),
    organisations: names('Organisation'),
    appGroups: names('AppGroup'),
    apps: new Map(apps.map((row) => [row.name, specOf('App', row).groups ?? []] as const)),
    appKinds: new Map(apps.map((row) => [row.name, specOf('App', row).kind] as const)),
    above: aboveIn(rows),
  }
}

/** What is in what, as the rows say; a circle ends where it began. */
function aboveIn(rows: readonly ResourceRow[]): (key: string) => ReadonlySet<string> {
  const parents = new Map<string, readonly string[]>()
  const groups = (names: readonly string[] = []) => names.map((name) => `Group ${name}`)
  for (const row of rows) {
    if (row.kind === 'Group') parents.set(`Group ${row.name}`, groups(specOf('Group', row).parents))
    else if (row.kind === 'User') {
      const { groups: own, organisation } = specOf('User', row)
      parents.set(`User ${row.name}`, [...groups(own), ...(organisation ? [`Organisation ${organisation}`] : [])])
    } else if (row.kind === 'App')
      parents.set(
        `App ${row.name}`,
        (specOf('App', row).groups ?? []).map((name) => `AppGroup ${name}`),
      )
  }
  const known = new Map<string, ReadonlySet<string>>()
  return (key) =>
    known.getOrInsertComputed(key, () => {
      const found = new Set<string>()
      const open = [...(parents.get(key) ?? [])]
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        if (found.has(next)) continue
        found.add(next)
        open.push(...(parents.get(next) ?? []))
      }
      return found
    })
}
