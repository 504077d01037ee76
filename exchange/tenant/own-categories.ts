// A tenant's own categories: which of them a host is in. Must never match half a label: `bank.test` is not `mybank.test`.
import type { CategoryRecord } from '#core/records/outbound.ts'

export type OwnCategories = {
  readonly add: (category: CategoryRecord) => void
  readonly remove: (category: CategoryRecord) => void
  /** Names of the categories of the host and of everything above it. */
  readonly of: (host: string) => readonly string[]
}

const MAX_LABELS = 128

export function createOwnCategories(): OwnCategories {
  const namesOf = new Map<string, readonly string[]>()

  return {
    add({ name, hosts }) {
      for (const host of hosts) namesOf.set(host, [...new Set([...(namesOf.get(host) ?? []), name])])
    },
    remove({ name, hosts }) {
      for (const host of hosts) {
        const left = (namesOf.get(host) ?? []).filter((known) => known !== name)
        if (left.length > 0) namesOf.set(host, left)
        else namesOf.delete(host)
      }
    },
    of(host) {
      if (namesOf.size === 0) return none
      const found = new Set<string>()
      for (const suffix of suffixesOf(host)) for (const name of namesOf.get(suffix) ?? []) found.add(name)
      return [...found]
    },
  }
}

const none: readonly string[] = []

/** The host, then each name above it. */
export function* suffixesOf(host: string): Generator<string> {
  let rest = host
  for (let labels = 0; labels < MAX_LABELS; labels++) {
    yield rest
    const dot = rest.indexOf('.')
    if (dot < 0) return
    rest = rest.slice(dot + 1)
  }
}
