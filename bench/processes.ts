// Memory and processor time of processes, from /proc. Linux only; must never signal a process.
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'

const TICKS_PER_SECOND = 100 // sysconf(_SC_CLK_TCK) on every Linux that Node runs on

/** Resident megabytes (10^6 bytes), shared pages of the program file included. */
export function residentMb(pid: number): number {
  return field(pid, 'Rss')
}

/** Resident megabytes of this process alone: what would be free if it ended. */
export function privateMb(pid: number): number {
  return field(pid, 'Private_Clean') + field(pid, 'Private_Dirty')
}

function field(pid: number, name: string): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kibibytes = Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1])
  return (kibibytes * 1024) / 1e6
}

/** User and system seconds used so far. */
export function processorSeconds(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Fields of /proc/<pid>/stat after the name: 0 is the state, 1 the parent. */
function statFields(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

/** Children of a process whose command line contains all words. */
export function childrenOf(parent: number, ...words: readonly string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        return Number(statFields(pid)[1]) === parent && words.every((word) => line.includes(word))
      } catch {
        return false // it ended meanwhile
      }
    })
}

/** Waits until the processes have used less than 2 % of a core for two seconds, at most `deadlineMs`. */
export async function untilIdle(pids: readonly number[], deadlineMs = 40_000): Promise<void> {
  const used = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0)
  const end = performance.now() + deadlineMs
  for (let before = used(); performance.now() < end;) {
    await wait(2000)
    const now = used()
    if (now - before < 0.04) return
    before = now
  }
}
