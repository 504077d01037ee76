// The directory as the picture of flows needs it. Everyone is drawn in one group: their organisation if they are of a
// third party, else the smallest group that they are in, which says most about them.
import type { TenantMirror } from '#control/records/mirror.ts'
import type { Names } from './picture.ts'

const known = new WeakMap<TenantMirror, { readonly version: number; readonly names: Names }>()

/** Worked out once for each version of the directory. */
export function namesOf(mirror: TenantMirror): Names {
  const before = known.get(mirror)
  if (before?.version === mirror.directoryVersion) return before.names
  const sizes = new Map<string, number>()
  for (const { groupIds, organisationId } of mirror.all('user'))
    for (const id of organisationId === null ? groupIds : [organisationId]) sizes.set(id, (sizes.get(id) ?? 0) + 1)
  const smallest = (ids: readonly string[]) =>
    ids.reduce<string | undefined>(
      (best, id) => (best === undefined || (sizes.get(id) ?? 0) < (sizes.get(best) ?? 0) ? id : best),
      undefined,
    )
  const names: Names = {
    user: (id) => {
      const user = mirror.get('user', id)
      return user && { name: user.name, groupKey: user.organisationId ?? smallest(user.groupIds) ?? '' }
    },
    app: (id) => mirror.get('app', id)?.name,
    group: (key) => {
      const members = sizes.get(key) ?? 0
      const organisation = mirror.get('organisation', key)
      if (organisation) return { name: organisation.name, kind: 'organisation', members }
      const group = mirror.get('group', key)
      return group && { name: group.name, kind: 'group', members }
    },
  }
  known.set(mirror, { version: mirror.directoryVersion, names })
  return names
}
