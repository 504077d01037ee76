// Which app a person means by `host:port`. Exact names win over one-label wildcards; both are looked up, never
// searched. Must never let a wildcard stand for more than one label.
import { parsePortRange, type PortRange } from '#core/names.ts'
import type { AppRecord } from '#core/records/app.ts'

type Entry = { readonly appId: string; readonly ranges: readonly PortRange[] }

export type AppNames = {
  readonly add: (app: AppRecord) => void
  readonly remove: (app: AppRecord) => void
  readonly find: (host: string, port: number) => string | undefined
  /** On whatever port. */
  readonly findHost: (host: string) => string | undefined
}

/** An index of the names of one tenant's apps. */
export function createAppNames(): AppNames {
  const exact = new Map<string, Entry[]>()
  const wildcard = new Map<string, Entry[]>()

  return {
    add(app) {
      for (const { host, ports } of app.names) {
        const [index, key] = placeOf(host)
        const entry = { appId: app.id, ranges: ports.map(parsePortRange).filter((range) => range !== null) }
        const entries = index.get(key)
        if (entries === undefined) index.set(key, [entry])
        else entries.push(entry)
      }
    },
    remove(app) {
      for (const { host } of app.names) {
        const [index, key] = placeOf(host)
        const left = (index.get(key) ?? []).filter((entry) => entry.appId !== app.id)
        if (left.length > 0) index.set(key, left)
        else index.delete(key)
      }
    },
    find(host, port) {
      const dot = host.indexOf('.')
      return pick(exact.get(host), port) ?? (dot > 0 ? pick(wildcard.get(host.slice(dot + 1)), port) : undefined)
    },
    findHost(host) {
      const dot = host.indexOf('.')
      return (exact.get(host) ?? (dot > 0 ? wildcard.get(host.slice(dot + 1)) : undefined))?.[0]?.appId
    },
  }

  function placeOf(pattern: string): readonly [Map<string, Entry[]>, string] {
    return pattern.startsWith('*.') ? [wildcard, pattern.slice(2)] : [exact, pattern]
  }
}

function pick(entries: readonly Entry[] | undefined, port: number): string | undefined {
  return entries?.find(({ ranges }) => ranges.some(({ first, last }) => port >= first && port <= last))?.appId
}
