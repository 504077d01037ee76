// One timeline out of three sources: what people did about the incident, what was noticed, and what the journal has.
import type { TimelineItem } from '#core/api/incident-routes.ts'
import { caps } from '#control/caps.ts'
import type { Row } from '#control/records/from-rows.ts'
import type { EventFacts } from './event-facts.ts'

const classes: Readonly<Record<number, string>> = {
  2004: 'finding',
  2005: 'incident',
  3002: 'sign-in',
  3003: 'decision',
  4001: 'network',
  4002: 'http',
  6003: 'api',
}

export function timelineOf(
  entries: readonly Row<'incidentEntries'>[],
  stories: readonly Row<'stories'>[],
  events: readonly EventFacts[],
): { readonly items: TimelineItem[]; readonly leftOut: number } {
  // Findings of linked stories are the stories themselves, and are not told twice.
  const told = events.filter(({ classUid }) => classUid !== 2004 && classUid !== 2005)
  const shown = told.slice(-caps.incidentShown.default)
  const items: TimelineItem[] = [
    ...entries.map(({ atMs, kind, by, text }) => ({
      at: iso(atMs),
      kind: 'act' as const,
      what: kind,
      by,
      text,
      isRefused: false,
      ref: null,
    })),
    ...stories.map(({ noticedMs, kind, sentence, id }) => ({
      at: iso(noticedMs),
      kind: 'story' as const,
      what: kind,
      by: null,
      text: sentence,
      isRefused: false,
      ref: id,
    })),
    ...shown.map((facts) => ({
      at: iso(facts.atMs),
      kind: 'event' as const,
      what: `${classes[facts.classUid] ?? String(facts.classUid)} ${facts.activity}`.trim().slice(0, 64),
      by: facts.user?.name ?? null,
      text: [facts.app?.name ?? facts.host, facts.text, facts.ip].filter(Boolean).join(' · '),
      isRefused: facts.isRefused,
      ref: facts.uid,
    })),
  ]
  return {
    items: items.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
    leftOut: told.length - shown.length,
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
