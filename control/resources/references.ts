// What a resource refers to by name, with the path of each mention, so that a fault can say where it is.
import type { ResourceKind } from '#core/resources/kinds.ts'
import type { Document } from './document.ts'

export type Reference = { readonly kind: ResourceKind; readonly name: string; readonly path: string }

export function referencesOf(document: Document): Reference[] {
  const { kind, spec } = document
  const one = (of: ResourceKind, name: string | undefined, path: string): Reference[] =>
    name === undefined ? [] : [{ kind: of, name, path: `spec.${path}` }]
  const many = (of: ResourceKind, names: readonly string[] | undefined, path: string): Reference[] =>
    (names ?? []).map((name, index) => ({ kind: of, name, path: `spec.${path}[${index}]` }))
  switch (kind) {
    case 'Group':
      return many('Group', spec.parents, 'parents')
    case 'User':
      return [...many('Group', spec.groups, 'groups'), ...one('Organisation', spec.organisation, 'organisation')]
    case 'Organisation':
      return [...one('User', spec.sponsor, 'sponsor'), ...many('App', spec.apps, 'apps')]
    case 'App':
      return [
        ...one('User', spec.owner, 'owner'),
        ...one('ConnectorGroup', spec.connectorGroup, 'connectorGroup'),
        ...many('AppGroup', spec.groups, 'groups'),
      ]
    case 'IdentityProvider':
      return Object.entries(spec.groups ?? {}).map(([theirs, name]) => ({
        kind: 'Group' as const,
        name,
        path: `spec.groups.${theirs}`,
      }))
    case 'ConnectorGroup':
    case 'AppGroup':
    case 'Category':
    case 'WebSettings':
    case 'Policy':
    case 'PolicyTest':
    case 'Playbook':
    case 'EventStream':
      return []
  }
}
