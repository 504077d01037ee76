// A file whose events are not in order of time, such as one with the attacks appended, read in order all the same: lines
// go to one temporary file a day, and each day is sorted by itself. Must never hold more than one day, and leaves nothing
// behind.
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { caps } from '#intelligence/caps.ts'
import { readLines } from './lines.ts'
import { readLine } from './observation.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const BUFFER_CHARACTERS = 1 << 18

export type NumberedLine = readonly [number: number, text: string | null]

/** False when more events than a clock or two are over an hour behind what came before. Reads the times only. */
export async function isInOrder(file: string, signal: AbortSignal): Promise<boolean> {
  let [newestMs, behind] = [0, 0]
  for await (const lines of readLines(file, signal))
    for (const line of lines) {
      const digits = line === null ? undefined : /"time"\s*:\s*"?(\d{12,14})\b/.exec(line)?.[1]
      if (digits === undefined) continue
      const timeMs = Number(digits)
      if (timeMs < newestMs - HOUR_MS) behind++
      // A wrong clock far ahead must not make all the rest look late.
      else if (timeMs < newestMs + caps.leapMs.default || newestMs === 0) newestMs = Math.max(newestMs, timeMs)
      if (behind > caps.leapWitnesses.default) return false
    }
  return true
}

/** The lines by day and time, with their numbers in the file. Lines that cannot be read come first. */
export async function* linesInOrder(file: string, signal: AbortSignal): AsyncGenerator<readonly NumberedLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-detect-'))
  try {
    const waiting = new Map<number, string>()
    const days = new Set<number>()
    let number = 0
    for await (const lines of readLines(file, signal)) {
      const unread: NumberedLine[] = []
      for (const line of lines) {
        number++
        const read = line === null ? 'too-long' : readLine(line, '')
        if (line === null || typeof read === 'string') {
          unread.push([number, line])
          continue
        }
        const day = Math.floor(read.timeMs / DAY_MS)
        days.add(day)
        const text = `${waiting.get(day) ?? ''}${read.timeMs}\t${number}\t${line}\n`
        waiting.set(day, text)
        if (text.length < BUFFER_CHARACTERS) continue
        waiting.delete(day)
        await appendFile(join(folder, String(day)), text)
      }
      yield unread
    }
    for (const [day, text] of waiting) await appendFile(join(folder, String(day)), text)
    for (const day of [...days].toSorted((left, right) => left - right)) {
      signal.throwIfAborted()
      const lines = (await readFile(join(folder, String(day)), 'utf8')).split('\n').slice(0, -1)
      yield lines
        .map((line) => {
          const [timeMs = '', at = ''] = line.split('\t', 2)
          return { timeMs: Number(timeMs), at: Number(at), text: line.slice(timeMs.length + at.length + 2) }
        })
        .toSorted((left, right) => left.timeMs - right.timeMs || left.at - right.at)
        .map(({ at, text }): NumberedLine => [at, text])
      await rm(join(folder, String(day)))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
