// The tenant's directory as entities in the shape of the schema. Names are those that people write in policies. Must
// never put anything into an entity that the schema does not name.
import { type Entity, entity } from './entity.ts'
import { entityTypes } from './schema.ts'
import { CedarRecord, EntityUid, type Value } from './value.ts'

function userUid(name: string): EntityUid {
  return new EntityUid(entityTypes.user, name)
}
function groupUid(name: string): EntityUid {
  return new EntityUid(entityTypes.group, name)
}
function appUid(name: string): EntityUid {
  return new EntityUid(entityTypes.app, name)
}

export type DirectoryUser = {
  readonly name: string
  readonly displayName: string
  readonly email: string | null
  readonly groups: readonly string[]
  /** The outside organisation that the user belongs to, or null for one's own people. */
  readonly organisation: string | null
}

export function userEntity({ name, displayName, email, groups, organisation }: DirectoryUser): Entity {
  const attrs = new Map<string, Value>([
    ['name', displayName],
    ['outside', organisation !== null],
  ])
  if (email !== null) attrs.set('email', email)
  const parents = groups.map(groupUid)
  if (organisation !== null) parents.push(new EntityUid(entityTypes.organisation, organisation))
  return entity(userUid(name), new CedarRecord(attrs), parents)
}

export function groupEntity(name: string, parentGroups: readonly string[] = []): Entity {
  return entity(groupUid(name), CedarRecord.empty, parentGroups.map(groupUid))
}

export function organisationEntity(name: string): Entity {
  return entity(new EntityUid(entityTypes.organisation, name))
}

/** A host of the internet. Made for one request: no store holds them all. */
export function destinationEntity(host: string, categories: readonly string[]): Entity {
  const parents = categories.map((name) => new EntityUid(entityTypes.category, name))
  return entity(new EntityUid(entityTypes.destination, host), CedarRecord.of({ host }), parents)
}

export function appEntity(name: string, displayName: string, kind: string, appGroups: readonly string[] = []): Entity {
  const parents = appGroups.map((group) => new EntityUid(entityTypes.appGroup, group))
  return entity(appUid(name), CedarRecord.of({ name: displayName, kind }), parents)
}
