// What every process tells of itself: memory, CPU, file descriptors, how long its event loop was held up. Must never
// name a path, an argument or a variable of it.
import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Sample } from './exposition.ts'

const RESOLUTION_MS = 10

export type ProcessFigures = { readonly collect: () => readonly Sample[]; readonly close: () => void }

export function startProcessFigures(): ProcessFigures {
  const lag = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  lag.enable()
  const startedSeconds = Math.round(Date.now() - process.uptime() * 1000) / 1000
  return {
    collect() {
      const { user, system } = process.cpuUsage()
      // The monitor measures its own pause too.
      const longestMs = Math.max(0, lag.max / 1e6 - RESOLUTION_MS)
      lag.reset()
      return [
        { name: 'process_cpu_seconds_total', value: (user + system) / 1e6 },
        { name: 'process_resident_memory_bytes', value: process.memoryUsage.rss() },
        { name: 'process_start_time_seconds', value: startedSeconds },
        ...descriptors(),
        { name: 'sallyport_event_loop_lag_seconds', value: Math.round(longestMs) / 1000 },
      ]
    },
    close: () => void lag.disable(),
  }
}

function descriptors(): readonly Sample[] {
  if (process.platform !== 'linux') return []
  const most = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return [
    { name: 'process_open_fds', value: readdirSync('/proc/self/fd').length },
    ...(most === undefined ? [] : [{ name: 'process_max_fds' as const, value: Number(most) }]),
  ]
}
