// Tests only: small streams of events, and what detection says of them. Must never be imported by anything but tests.
import { type Detection, startDetecting } from './detection.ts'
import { observe } from './observation.ts'
import { type DetectionState, newState } from './state.ts'
import type { Story } from './story.ts'
import { budgetsFor } from './thresholds.ts'

export const DAY_MS = 86_400_000
export const HOUR_MS = 3_600_000
export const startMs = Date.UTC(2026, 0, 5)

export type Happening = {
  readonly user: string
  readonly timeMs: number
  readonly app?: string
  readonly isDenied?: boolean
  readonly ip?: string
  readonly device?: string
  readonly session?: string
  readonly group?: string
  readonly classUid?: number
  readonly bytesIn?: number
  readonly id?: string
}

export function eventOf(happening: Happening): Readonly<Record<string, unknown>> {
  const { user, timeMs, app, isDenied, ip, device, session, group, classUid, bytesIn, id } = happening
  return {
    class_uid: classUid ?? 4001,
    activity_id: 1,
    time: timeMs,
    status_id: isDenied === true ? 2 : 1,
    metadata: { uid: id ?? `${user}-${timeMs}-${app ?? ''}` },
    actor: {
      user: { uid: user, ...(group !== undefined && { groups: [{ name: group }] }) },
      ...(session !== undefined && { session: { uid: session } }),
    },
    src_endpoint: { ip: ip ?? '198.51.100.1' },
    ...(app !== undefined && { dst_endpoint: { svc_name: app } }),
    ...(device !== undefined && { device: { uid: device } }),
    ...(bytesIn !== undefined && { traffic: { bytes_in: bytesIn, bytes_out: 100 } }),
  }
}

export type Stage = {
  readonly detection: Detection
  readonly state: DetectionState
  readonly stories: Story[]
  play(...happenings: readonly Happening[]): void
}

export function stageOf(
  options: { readonly warmupDays?: number; readonly decoys?: readonly string[]; readonly state?: DetectionState } = {},
): Stage {
  const state = options.state ?? newState()
  const stories: Story[] = []
  const config = {
    warmupMs: (options.warmupDays ?? 14) * DAY_MS,
    budgets: budgetsFor(1),
    decoys: new Set(options.decoys),
  }
  const detection = startDetecting(config, state, (story) => void stories.push(story))
  return {
    detection,
    state,
    stories,
    play(...happenings) {
      for (const happening of happenings) {
        const observation = observe(eventOf(happening), 'line')
        if (typeof observation === 'object') detection.observe(observation)
      }
    },
  }
}

/** Days of an office where everyone uses the apps of their group: users × 8 events a day, in order of time. */
export function officeDays(users: number, days: number): readonly Happening[] {
  const happenings: Happening[] = []
  for (let day = 0; day < days; day++)
    for (let each = 0; each < 8; each++)
      for (let user = 0; user < users; user++) {
        const group = user % 5
        happenings.push({
          user: `u${user}`,
          group: `g${group}`,
          timeMs: startMs + day * DAY_MS + (8 + each) * HOUR_MS + user * 1000,
          app: `g${group}-app-${(each + day) % 6}`,
          ip: `198.51.100.${user % 200}`,
          device: `laptop-${user}`,
          session: `s-${user}-${day}`,
          bytesIn: 40_000 + 1000 * ((user * 7 + each * 3 + day) % 50),
        })
      }
  return happenings
}
