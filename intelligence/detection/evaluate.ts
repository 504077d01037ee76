// How well stories match labelled attacks: recall, false stories, delay, hops. Must count a story that touches no label as
// false, whatever its level, and must not count attacks that were over before the warm-up was.
import { Fault } from '#core/fault.ts'
import { caps } from '#intelligence/caps.ts'
import type { Observation } from './observation.ts'
import type { Story } from './story.ts'

export type Label = {
  readonly startMs: number
  readonly endMs: number
  readonly user: string
  readonly name: string
}

/** Attacks keep their traces a little longer than their last event. */
const SLACK_MS = 3_600_000

/** TSV, one attack a line: start_ms, end_ms, user_uid, name. Empty lines, `#` lines and a heading are skipped. */
export function parseLabels(text: string): readonly Label[] {
  const labels: Label[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [start = '', end = '', user = '', name = ''] = line.replace(/\r$/, '').split('\t')
    const [startMs, endMs] = [Number(start), Number(end)]
    if (at === 0 && Number.isNaN(startMs)) continue
    if (!(startMs >= 0) || !(endMs >= startMs) || user === '')
      throw new Fault('document-invalid', {
        hint: `Line ${at + 1} of the labels is not "start_ms TAB end_ms TAB user_uid TAB name".`,
      })
    labels.push({ startMs, endMs, user: user.slice(0, caps.fieldCharacters.default), name: name || 'attack' })
  }
  return labels
}

type Tally = { labels: number; found: number; hops: number[]; delaysMs: number[] }

export type Evaluation = {
  /** Every event, before detection, in stream order. */
  observe(observation: Observation): void
  story(story: Story): void
  summary(): Scores
}

export type Scores = {
  readonly attacks: number
  readonly found: number
  readonly recall: number | null
  readonly stories: number
  readonly falseStories: number
  readonly falseByKind: Readonly<Record<string, number>>
  readonly users: number
  readonly days: number
  readonly falsePerDay: number
  readonly falsePer10kUsersAndDay: number
  readonly medianDelayMs: number | null
  /** Apps that the attack had opened when it was noticed. */
  readonly medianHops: number | null
  /** Of attacks whose name begins with `car-park`, high stealth apart. */
  readonly carParkHops: number | null
  readonly byName: Readonly<
    Record<string, { attacks: number; found: number; medianHops: number | null; medianDelayMs: number | null }>
  >
}

export function startEvaluation(labels: readonly Label[], warmupMs: number): Evaluation {
  const live = labels.map((label) => ({
    label,
    apps: new Map<string, Set<string>>(),
    known: new Set<string>(),
    foundMs: 0,
    hops: 0,
  }))
  const byUser = new Map<string, typeof live>()
  for (const each of live) byUser.set(each.label.user, [...(byUser.get(each.label.user) ?? []), each])
  const users = new Set<string>()
  const falseByKind = new Map<string, number>()
  let [stories, falseStories, firstMs, lastMs] = [0, 0, 0, 0]

  return {
    observe({ user, timeMs, app, kind }) {
      if (firstMs === 0) firstMs = timeMs
      lastMs = Math.max(lastMs, timeMs)
      if (user === '') return
      users.add(user)
      for (const each of byUser.get(user) ?? []) {
        if (app === '' || kind === 'finding') continue
        if (timeMs < each.label.startMs) each.known.add(app)
        else if (timeMs <= each.label.endMs && each.foundMs === 0 && !each.known.has(app)) {
          each.known.add(app)
          each.hops++
        }
      }
    },
    story(story) {
      stories++
      const matches = live.filter(
        ({ label }) =>
          label.user === story.subject && story.last_ms >= label.startMs && story.last_ms <= label.endMs + SLACK_MS,
      )
      if (matches.length === 0) {
        falseStories++
        falseByKind.set(story.kind, (falseByKind.get(story.kind) ?? 0) + 1)
      }
      for (const match of matches) if (match.foundMs === 0) match.foundMs = story.last_ms
    },
    summary() {
      const counted = live.filter(({ label }) => label.endMs >= firstMs + warmupMs)
      const tallies = new Map<string, Tally>()
      const all: Tally = { labels: 0, found: 0, hops: [], delaysMs: [] }
      for (const { label, foundMs, hops } of counted) {
        const tally = tallies.get(label.name) ?? { labels: 0, found: 0, hops: [], delaysMs: [] }
        tallies.set(label.name, tally)
        for (const each of [tally, all]) {
          each.labels++
          if (foundMs === 0) continue
          each.found++
          each.hops.push(hops)
          each.delaysMs.push(foundMs - label.startMs)
        }
      }
      const days = Math.max(1 / 24, (lastMs - firstMs - warmupMs) / 86_400_000)
      return {
        attacks: all.labels,
        found: all.found,
        recall: all.labels > 0 ? all.found / all.labels : null,
        stories,
        falseStories,
        falseByKind: Object.fromEntries(falseByKind),
        users: users.size,
        days,
        falsePerDay: falseStories / days,
        falsePer10kUsersAndDay: (falseStories / days / Math.max(1, users.size)) * 10_000,
        medianDelayMs: median(all.delaysMs),
        medianHops: median(all.hops),
        carParkHops: median([...tallies].flatMap(([name, { hops }]) => (/^car-park(?!-high)/.test(name) ? hops : []))),
        byName: Object.fromEntries(
          [...tallies].map(([name, tally]) => [
            name,
            {
              attacks: tally.labels,
              found: tally.found,
              medianHops: median(tally.hops),
              medianDelayMs: median(tally.delaysMs),
            },
          ]),
        ),
      }
    },
  }
}

function median(values: readonly number[]): number | null {
  return values.toSorted((left, right) => left - right)[Math.ceil(values.length / 2) - 1] ?? null
}
