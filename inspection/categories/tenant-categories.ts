// A tenant's own categories and overrides in front of the shared index: what the tenant says wins. An override replaces the
// feeds' word for a host and everything below it; an own category adds to it; of several the most specific counts. Must
// never change what another tenant sees.
import { Fault } from '#core/fault.ts'
import { categoryCaps } from './caps.ts'
import { readCategory, readTarget } from './feed-formats.ts'
import type { CategoryIndex } from './index-table.ts'

export type TenantEntry = {
  /** Host, or host and path. */
  readonly target: string
  readonly categories: readonly string[]
  /** `replace`: the feeds are not asked. With no categories: uncategorised, whatever a feed says. */
  readonly mode: 'add' | 'replace'
}
export type Categorised = {
  readonly categories: readonly string[]
  /** Which word decided, for the journal and the block page. */
  readonly decidedBy: 'tenant' | 'feeds' | 'both' | 'nobody'
}

export class TenantCategories {
  readonly #entries: ReadonlyMap<string, Omit<TenantEntry, 'target'>>
  /** Asked anew each time: the index is swapped when feeds change. */
  readonly #index: () => CategoryIndex

  constructor(entries: readonly TenantEntry[], index: () => CategoryIndex) {
    if (entries.length > categoryCaps.maxTenantEntries)
      throw new Fault('request-too-large', { hint: `At most ${categoryCaps.maxTenantEntries} own entries.` })
    const map = new Map<string, Omit<TenantEntry, 'target'>>()
    for (const { target, categories, mode } of entries) {
      const read = readTarget(target)
      const names = categories.map(readCategory)
      if (read === null)
        throw new Fault('document-invalid', { hint: `"${target.slice(0, 100)}" is neither a host nor a URL.` })
      if (names.includes(null))
        throw new Fault('document-invalid', { hint: `A category of "${target.slice(0, 100)}" has no proper name.` })
      const key = read.path === '' ? read.host : `${read.host}/${read.path}`
      map.set(key, { categories: names.filter((name) => name !== null), mode })
    }
    this.#entries = map
    this.#index = index
  }

  /** `host` in lower-case ASCII, without `www.`. */
  find(host: string, path = ''): Categorised {
    const own = this.#entries.size === 0 ? undefined : this.#own(host, path)
    if (own?.mode === 'replace') return { categories: own.categories, decidedBy: 'tenant' }
    const found = this.#index().lookup(host, path)
    if (own === undefined) return found.length === 0 ? unknown : { categories: found, decidedBy: 'feeds' }
    return {
      categories: [...new Set([...own.categories, ...found])],
      decidedBy: found.length === 0 ? 'tenant' : 'both',
    }
  }

  #own(host: string, path: string): Omit<TenantEntry, 'target'> | undefined {
    for (let from = 0; ;) {
      const name = host.slice(from)
      if (path !== '') {
        const clean = (path.split(/[?#]/)[0] ?? '').replace(/^\/+|\/+$/g, '').slice(0, 512)
        for (let end = clean.length; end > 0; end = clean.lastIndexOf('/', end - 1)) {
          const found = this.#entries.get(`${name}/${clean.slice(0, end)}`)
          if (found) return found
        }
      }
      const found = this.#entries.get(name)
      if (found) return found
      const dot = host.indexOf('.', from)
      if (dot < 0) return undefined
      from = dot + 1
    }
  }
}
const unknown: Categorised = { categories: [], decidedBy: 'nobody' }
