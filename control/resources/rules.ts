// What must hold across documents: references, hosts, group cycles, contract windows. Each fault names its place.
// Must never pass a browser host that is not the tenant's: it would serve another tenant's people.
import type { Document } from './document.ts'
import { browserHostOf } from '#control/records/from-rows.ts'
import type { DocumentFault, Placed } from './document-faults.ts'
import type { NameConflicts } from './name-claims.ts'
import { pathRuleFault } from './path-rule-faults.ts'
import { referencesOf } from './references.ts'

export type NextState = {
  /** `<Kind> <name>` of everything that will exist. */
  readonly keys: ReadonlySet<string>
  readonly groupParents: ReadonlyMap<string, readonly string[]>
  /** Browser host → `App <name>`, of every app that will exist. */
  readonly browserHosts: ReadonlyMap<string, readonly string[]>
  readonly nameConflicts: NameConflicts
  readonly ownHosts: ReadonlySet<string>
  readonly tenantName: string
  readonly appsDomain: string
}

export function ruleFaults(documents: readonly Placed<Document>[], next: NextState): DocumentFault[] {
  return documents.flatMap((document) => [
    ...referenceFaults(document, next),
    ...(document.value.kind === 'App' ? appFaults(document, document.value, next) : []),
    ...(document.value.kind === 'Organisation' ? windowFaults(document, document.value) : []),
    ...(document.value.kind === 'Group' ? cycleFaults(document, document.value.name, next) : []),
  ])
}

function referenceFaults({ at, value }: Placed<Document>, next: NextState): DocumentFault[] {
  return referencesOf(value)
    .filter(({ kind, name }) => !next.keys.has(`${kind} ${name}`))
    .map(({ kind, name, path }) => ({
      at: `${at}.${path}`,
      message: `there is no ${kind} named ${name}`,
      code: 'reference-unknown',
    }))
}

type AppDocument = Extract<Document, { kind: 'App' }>

function appFaults({ at }: Placed<Document>, { name, spec }: AppDocument, next: NextState): DocumentFault[] {
  const faults: DocumentFault[] = []
  const fault = (path: string, message: string) =>
    faults.push({ at: `${at}.spec.${path}`, message, code: 'document-invalid' })
  if (spec.kind === 'tcp' && spec.browser?.enabled === true) fault('browser.enabled', 'only for apps of kind http')
  if (spec.kind === 'tcp' && spec.http !== undefined) fault('http', 'only for apps of kind http')
  if (spec.kind === 'http' && spec.inspect === false) fault('inspect', 'apps of kind http are always inspected')
  const own = spec.browser?.host
  if (own !== undefined && !next.ownHosts.has(own))
    fault('browser.host', "not one of the tenant's own hosts; ask the provider for it first")
  const host = browserHostOf(name, spec, next)
  if (host !== null && (next.browserHosts.get(host)?.length ?? 0) > 1)
    fault('browser.host', `${host} is also the host of another app`)
  if (spec.upstream.port === undefined && spec.kind === 'tcp' && (spec.names ?? []).length === 0)
    fault('upstream.port', 'needed, as the app has no names with ports')
  for (const [index, { host: pattern }] of (spec.names ?? []).entries()) {
    const conflict = next.nameConflicts.get(`${name} ${pattern}`)
    if (conflict) fault(`names[${index}]`, `the app ${conflict.other} has ${pattern}, port ${conflict.port}, too`)
  }
  for (const [index, rule] of (spec.http?.rules ?? []).entries()) {
    const message = pathRuleFault(rule)
    if (message !== null) fault(`http.rules[${index}].path`, message)
  }
  return faults
}

function windowFaults(
  { at }: Placed<Document>,
  { spec }: Extract<Document, { kind: 'Organisation' }>,
): DocumentFault[] {
  return Date.parse(spec.from) < Date.parse(spec.until)
    ? []
    : [{ at: `${at}.spec.until`, message: 'must be later than from', code: 'document-invalid' }]
}

/** A group above itself would have no end. */
function cycleFaults({ at }: Placed<Document>, name: string, next: NextState): DocumentFault[] {
  const seen = new Set<string>()
  const open = [...(next.groupParents.get(name) ?? [])]
  while (open.length > 0) {
    const parent = open.pop()
    if (parent === undefined || seen.has(parent)) continue
    if (parent === name)
      return [{ at: `${at}.spec.parents`, message: 'the group would be inside itself', code: 'document-invalid' }]
    seen.add(parent)
    open.push(...(next.groupParents.get(parent) ?? []))
  }
  return []
}
