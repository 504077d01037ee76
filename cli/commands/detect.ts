// Commands of detection: stories out of a file of events, and made-up organisations to try it on.
import { readFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { type Command, parseDuration, UsageFault } from '#cli/command.ts'
import { safe, writeError } from '#cli/output.ts'
import type { RunSummary } from '#intelligence/detection/run.ts'

export const detectRun: Command = {
  usage: 'detect run EVENTS',
  summary: 'stories out of a file of OCSF events, one JSON object a line; the summary goes to standard error',
  options: {
    labels: {
      type: 'string',
      help: 'known attacks, TSV: start_ms, end_ms, user_uid, name; for recall and false stories',
    },
    warmup: { type: 'string', help: 'learn this long from the first event on, before any story (default 14d)' },
    budget: { type: 'string', help: 'false stories per 10,000 users and day that may be spent (default 1)' },
    decoys: { type: 'string', help: 'file with names of decoy apps and documents, one a line' },
    json: { type: 'boolean', help: 'the summary as the last line of standard output, {"summary":{…}}' },
  },
  positionals: [1, 1],
  async run(input) {
    const budget = Number(input.text('budget') ?? '1')
    if (!(budget > 0 && budget <= 10_000)) throw new UsageFault('--budget is a number above 0', detectRun)
    const { runDetection } = await import('#intelligence/detection/run.ts')
    const { parseLabels } = await import('#intelligence/detection/evaluate.ts')
    const { budgetsFor } = await import('#intelligence/detection/thresholds.ts')
    const labels = input.text('labels')
    const decoys = input.text('decoys')
    const summary = await runDetection(input.words[0] ?? '', {
      config: {
        warmupMs: parseWarmup(input.text('warmup') ?? '14d'),
        budgets: budgetsFor(budget),
        decoys: new Set(decoys === undefined ? [] : readText(decoys).split(/\r?\n/).filter(Boolean)),
      },
      labels: labels === undefined ? undefined : parseLabels(readText(labels)),
      tell: (story) => process.stdout.write(`${JSON.stringify(story)}\n`),
      signal: input.signal,
    })
    if (input.isJson) process.stdout.write(`${JSON.stringify({ summary })}\n`)
    else writeSummary(summary)
    return 0
  },
}

/** As other durations; `0` means none. */
function parseWarmup(text: string): number {
  return /^0[smhd]?$/.test(text) ? 0 : parseDuration(text) * 1000
}

function writeSummary(summary: RunSummary): void {
  const { refused } = summary
  const lines = [
    `${summary.events} events of ${summary.users} users in ${summary.seconds.toFixed(1)} s; ${summary.stories} stories in ${summary.days.toFixed(1)} days after the warm-up.`,
    `Not read: ${refused['not-json']} not JSON, ${refused['no-time']} without a time, ${refused['too-long']} too long, ${refused['not-needed']} of other classes; ${summary.late} late, ${summary.wrongClock} with a wrong clock.`,
  ]
  if (summary.isSorted) lines.push('The file was not in order of time; it was sorted first.')
  if (summary.days <= 1 / 24) lines.push('The events end within the warm-up; shorten it with --warmup.')
  if (summary.isLabelled) {
    lines.push(
      `Recall ${percent(summary.recall)} (${summary.found} of ${summary.attacks} attacks); false stories ${summary.falseStories}: ${summary.falsePerDay.toFixed(2)} a day, ${summary.falsePer10kUsersAndDay.toFixed(2)} per 10,000 users and day.`,
      `Median delay ${minutes(summary.medianDelayMs)}, median hops ${summary.medianHops ?? '–'}.`,
    )
    for (const [name, each] of Object.entries(summary.byName))
      lines.push(
        `  ${safe(name).padEnd(24)} ${each.found} of ${each.attacks}, delay ${minutes(each.medianDelayMs)}, hops ${each.medianHops ?? '–'}`,
      )
  }
  for (const line of lines) writeError(line)
}

export const detectGenerate: Command = {
  usage: 'detect generate --out FILE',
  summary: 'write the events of a made-up organisation, with labelled attacks',
  options: {
    out: { type: 'string', help: 'file for the events' },
    labels: { type: 'string', help: 'file for the labels' },
    users: { type: 'string', help: 'default 1000' },
    days: { type: 'string', help: 'default 28' },
    seed: { type: 'string', help: 'the same seed gives the same organisation (default 1)' },
    style: { type: 'string', help: 'office (default) or sprawl: two independent ideas of an organisation' },
    attacks: { type: 'string', help: 'NAME=COUNT,…, all=COUNT (default all=2) or none' },
    quiet: { type: 'string', help: 'days before the first attack (default 15)' },
    without: { type: 'string', help: 'fields to leave out: groups,devices,sessions' },
  },
  positionals: [0, 0],
  async run(input) {
    const out = input.text('out')
    if (out === undefined) throw new UsageFault('--out is needed', detectGenerate)
    const style = input.text('style') ?? 'office'
    if (style !== 'office' && style !== 'sprawl') throw new UsageFault('--style is office or sprawl', detectGenerate)
    const without = new Set((input.text('without') ?? '').split(',').filter(Boolean))
    const { writeOrganisation, parseAttacks } = await import('#intelligence/organisation/write-files.ts')
    const { events, attacks } = await writeOrganisation(
      {
        users: whole(input.text('users') ?? '1000', 10, 200_000),
        days: whole(input.text('days') ?? '28', 2, 400),
        seed: whole(input.text('seed') ?? '1', 0, 4_294_967_295),
        quietDays: whole(input.text('quiet') ?? '15', 0, 399),
        style,
        attacks: parseAttacks(input.text('attacks') ?? 'all=2'),
        hasNewAppMonday: true,
        without: { groups: without.has('groups'), devices: without.has('devices'), sessions: without.has('sessions') },
      },
      { events: out, labels: input.text('labels') },
      input.signal,
    )
    writeError(`${events} events, ${attacks} attacks.`)
    return 0
  },
}

function whole(text: string, least: number, most: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most)
    throw new Fault('request-malformed', { hint: `"${text}" is not a whole number from ${least} to ${most}.` })
  return value
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('not-found', { hint: `${file} could not be read.`, cause })
  }
}

const percent = (share: number | null): string => (share === null ? '–' : `${(share * 100).toFixed(0)} %`)
const minutes = (ms: number | null): string => (ms === null ? '–' : `${Math.round(ms / 60_000)} min`)
