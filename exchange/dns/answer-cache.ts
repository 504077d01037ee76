// Answers of resolvers, kept as long as they say and not longer than a cap; one question under way is asked once. Must
// never hand one tenant what another has asked, nor grow without end.
import type { AskResolver } from './ask.ts'
import { caps } from './caps.ts'
import type { Answer } from './message.ts'

export type KnownAnswer = { readonly answer: Answer; readonly ageSeconds: number; readonly lifeSeconds: number }

export type AnswerCache = {
  /** Throws what asking throws; failures are not kept. */
  readonly get: (tenantId: string, name: string, type: number) => Promise<KnownAnswer>
}

type Entry = {
  readonly answer: Answer
  readonly atMs: number
  readonly lifeSeconds: number
  readonly bytes: number
}

export function createAnswerCache(ask: AskResolver, clock: () => number = () => performance.now()): AnswerCache {
  const entries = new Map<string, Entry>()
  const underWay = new Map<string, Promise<Answer>>()
  let bytes = 0

  return {
    async get(tenantId, name, type) {
      const key = `${tenantId} ${type} ${name}`
      const known = entries.get(key)
      const ageSeconds = known === undefined ? Infinity : Math.floor((clock() - known.atMs) / 1000)
      if (known !== undefined && ageSeconds < known.lifeSeconds) {
        // Moved to the end: the map is in order of last use.
        entries.delete(key)
        entries.set(key, known)
        return { answer: known.answer, ageSeconds, lifeSeconds: known.lifeSeconds }
      }
      drop(key)
      let asking = underWay.get(key)
      if (asking === undefined) underWay.set(key, (asking = ask(name, type).finally(() => underWay.delete(key))))
      const answer = await asking
      const lifeSeconds = lifeOf(answer)
      keep(key, { answer, atMs: clock(), lifeSeconds, bytes: sizeOf(key, answer) })
      return { answer, ageSeconds: 0, lifeSeconds }
    },
  }

  function keep(key: string, entry: Entry): void {
    if (entry.lifeSeconds <= 0) return
    drop(key)
    entries.set(key, entry)
    bytes += entry.bytes
    for (const oldest of entries.keys()) {
      if (entries.size <= caps.cachedAnswers.default && bytes <= caps.cachedBytes.default) break
      drop(oldest)
    }
  }

  function drop(key: string): void {
    bytes -= entries.get(key)?.bytes ?? 0
    entries.delete(key)
  }
}

function lifeOf({ records, negativeTtl = 0 }: Answer): number {
  if (records.length === 0) return Math.min(caps.negativeTtlSeconds.default, negativeTtl)
  return Math.min(caps.ttlSeconds.default, ...records.map(({ ttl }) => ttl))
}

function sizeOf(key: string, { records }: Answer): number {
  return 200 + 2 * key.length + records.reduce((sum, { name, data }) => sum + 120 + name.length + data.length, 0)
}
