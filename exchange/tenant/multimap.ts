// A map from a key to a set, without empty sets left behind. Holds no meaning of its own.

export class Multimap<K, V> {
  readonly #sets = new Map<K, Set<V>>()

  add(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set === undefined) this.#sets.set(key, new Set([value]))
    else set.add(value)
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key)
    if (set?.delete(value) === true && set.size === 0) this.#sets.delete(key)
  }

  /** The values of a key; the caller may change the map only after it has stopped iterating. */
  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? none
  }

  get keyCount(): number {
    return this.#sets.size
  }
}

const none: ReadonlySet<never> = new Set<never>()
