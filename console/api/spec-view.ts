// What the console reads out of a resource's spec. The server validated it; here a missing part is simply absent.
import type { Resource } from '#core/api/views.ts'
import { isRecord } from './api-fault.ts'
import { plain } from './plain-text.ts'

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? plain(value) : null)
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string').map(plain) : []
const record = (value: unknown): Record<string, unknown> => (isRecord(value) ? value : {})

export type AppView = {
  readonly name: string
  readonly displayName: string
  readonly description: string | null
  readonly kind: 'http' | 'tcp'
  readonly connectorGroup: string
  readonly groups: readonly string[]
  readonly owner: string | null
  readonly isEnabled: boolean
  readonly isInspected: boolean
  readonly browserHost: string | null
  readonly opensInBrowser: boolean
  readonly names: readonly { readonly host: string; readonly ports: readonly string[] }[]
  readonly upstream: string
}

export function readApp({ name, spec }: Resource): AppView {
  const kind = spec['kind'] === 'tcp' ? 'tcp' : 'http'
  const browser = record(spec['browser'])
  const upstream = record(spec['upstream'])
  const port = typeof upstream['port'] === 'number' ? `:${upstream['port']}` : ''
  const scheme = kind === 'tcp' ? 'tcp' : upstream['tls'] === undefined ? 'http' : 'https'
  return {
    name,
    displayName: text(spec['displayName']) ?? name,
    description: text(spec['description']),
    kind,
    connectorGroup: text(spec['connectorGroup']) ?? '',
    groups: texts(spec['groups']),
    owner: text(spec['owner']),
    isEnabled: spec['enabled'] !== false,
    isInspected: kind === 'http' || spec['inspect'] === true,
    browserHost: text(browser['host']),
    opensInBrowser: kind === 'http' && browser['enabled'] !== false,
    names: (Array.isArray(spec['names']) ? spec['names'] : [])
      .map(record)
      .map((entry) => ({ host: text(entry['host']) ?? '', ports: texts(entry['ports']) })),
    upstream: `${scheme}://${text(upstream['host']) ?? ''}${port}`,
  }
}

/** Where a browser reaches an app: its own host, else `<app>.<tenant>.<appsDomain>`. */
export function appAddress(
  app: Pick<AppView, 'name' | 'opensInBrowser' | 'browserHost'>,
  me: { readonly tenant: string; readonly appsDomain: string; readonly publicPort: number },
): string | null {
  if (!app.opensInBrowser) return null
  const host = app.browserHost ?? `${app.name}.${me.tenant}.${me.appsDomain}`
  return `https://${host}${me.publicPort === 443 ? '' : `:${me.publicPort}`}/`
}

export type PersonView = {
  readonly name: string
  readonly displayName: string
  readonly email: string | null
  readonly groups: readonly string[]
  readonly organisation: string | null
  readonly isActive: boolean
  readonly identities: readonly string[]
}

export function readPerson({ name, spec }: Resource): PersonView {
  return {
    name,
    displayName: text(spec['displayName']) ?? name,
    email: text(spec['email']),
    groups: texts(spec['groups']),
    organisation: text(spec['organisation']),
    isActive: spec['status'] !== 'disabled',
    identities: (Array.isArray(spec['identities']) ? spec['identities'] : [])
      .map((entry) => text(record(entry)['issuer']))
      .filter((issuer) => issuer !== null),
  }
}

export function readPolicy({ spec }: Resource): { readonly description: string | null; readonly text: string } {
  return { description: text(spec['description']), text: typeof spec['text'] === 'string' ? spec['text'] : '' }
}

export type OrganisationView = {
  readonly displayName: string
  readonly sponsor: string
  readonly from: string
  readonly until: string
  readonly apps: readonly string[]
}

export function readOrganisation({ name, spec }: Resource): OrganisationView {
  return {
    displayName: text(spec['displayName']) ?? name,
    sponsor: text(spec['sponsor']) ?? '',
    from: text(spec['from']) ?? '',
    until: text(spec['until']) ?? '',
    apps: texts(spec['apps']),
  }
}

/** Whether a policy's text names this app: a help for reading, not a decision (that is what *Explain* is for). */
export function mentionsApp(policyText: string, app: AppView): boolean {
  return (
    policyText.includes(`App::"${app.name}"`) || app.groups.some((group) => policyText.includes(`AppGroup::"${group}"`))
  )
}
