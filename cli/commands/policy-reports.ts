// Reports about policies as text for people: shortened to what fits a screen; --json has all of it.
import type * as z from 'zod'
import type { Explanation, pastExplanation, ProposalReport, ReachReport, ReplayReport } from '#core/api/policy-views.ts'
import { age, safe, table } from '#cli/output.ts'

const mostRows = 25

export function explanationText({ decision, message, policies, missing, errors, advice }: Explanation): string {
  const lines = [`${decision.toUpperCase()}: ${message}`]
  for (const policy of policies) lines.push(`  by policy ${placed(policy)}`)
  for (const { place, conditions } of missing)
    for (const condition of conditions) lines.push(`  policy ${placed(place)}: ${condition}`)
  for (const { policy, message: why } of errors) lines.push(`  policy ${policy} failed: ${why}`)
  if (advice !== '') lines.push(advice)
  return lines.map(safe).join('\n')
}

function placed({ name, document, line }: Explanation['policies'][number]): string {
  const where = [document === name ? null : document, line === null ? null : `line ${line}`].filter(
    (part) => part !== null,
  )
  return where.length === 0 ? name : `${name} (${where.join(', ')})`
}

export function pastText({ at, user, app, recorded, then, now }: z.infer<typeof pastExplanation>): string {
  const lines = [
    safe(`${at}  ${user ?? 'unknown user'}  ${app ?? ''}`),
    safe(
      `Recorded: ${recorded.decision}${recorded.reason === null ? '' : `, ${recorded.reason}`}${by(recorded.policies)}`,
    ),
    ...recorded.missing.map((line) => safe(`  ${line}`)),
    '',
    'Under the policies of then:',
    then.known ? explanationText(then.explanation) : safe(`unknown. ${then.why}`),
  ]
  if (now !== null) lines.push('', 'The same under the policies of now:', explanationText(now))
  return lines.join('\n')
}

function by(policies: readonly string[]): string {
  return policies.length === 0 ? '' : `, by ${policies.join(', ')}`
}

export function replayText(report: ReplayReport): string {
  const { loses, gains, duties, unknown, same } = report
  const count = (n: number) => n.toLocaleString('en')
  const lines = [
    `${count(report.decisions)} decisions in ${count(report.classes)} classes since ${report.from}.`,
    `${count(same.allowed + same.denied)} stay as they are; ${count(report.apart)} were refused by what is not policy.`,
  ]
  for (const [title, side] of [
    ['LOSE', loses],
    ['GAIN', gains],
  ] as const) {
    if (side.decisions === 0) {
      lines.push('', `Nobody would ${title.toLowerCase()} anything that was asked for.`)
      continue
    }
    lines.push('', `${side.people} people would ${title} access (${count(side.decisions)} decisions):`)
    lines.push(rowsOf(side.rows, side.pairs))
    lines.push(`  by group: ${rolled(side.byGroup)}`)
    if (side.byOrganisation.length > 0) lines.push(`  by third party: ${rolled(side.byOrganisation)}`)
  }
  if (duties.decisions > 0)
    lines.push(
      '',
      `${count(duties.decisions)} would still be allowed, with other obligations:`,
      rowsOf(duties.rows, duties.rows.length),
    )
  if (unknown.decisions > 0) {
    lines.push('', `${count(unknown.decisions)} are UNKNOWN:`)
    for (const { why, decisions } of unknown.why) lines.push(safe(`  ${count(decisions)}: ${why}`))
  }
  if (report.drifted > 0)
    lines.push(
      '',
      `${count(report.drifted)} come out otherwise now than when they were recorded: something has changed since.`,
    )
  return lines.join('\n')
}

function rowsOf(rows: ReplayReport['loses']['rows'], all: number): string {
  const shown = rows.slice(0, mostRows)
  const lines = table(
    ['USER', 'THIRD PARTY', 'APP', 'USED', 'LAST', 'NOW', 'THEN'],
    shown.map((row) => [
      row.user,
      row.organisation,
      row.app,
      row.decisions,
      `${age(row.last)} ago`,
      row.before.slice(0, 60),
      row.after.slice(0, 60),
    ]),
  )
  return all > shown.length ? `${lines}\n… and ${all - shown.length} more` : lines
}

function rolled(list: readonly { readonly name: string; readonly people: number }[]): string {
  const shown = list.slice(0, 8).map(({ name, people }) => `${name} ${people}`)
  return safe(`${shown.join(', ') || 'none'}${list.length > 8 ? ' …' : ''}`)
}

export function reachText({ circumstances, people, apps, possible, change }: ReachReport): string {
  const head = `${people} people, ${apps} apps, ${circumstances}.`
  if (change === null) {
    const rows = possible.map(({ kind, name, apps: own }) => [
      kind === 'anyone' ? 'anyone' : `${kind} ${name}`,
      own.length,
      own.slice(0, 6).join(', ') + (own.length > 6 ? ' …' : ''),
    ])
    return `${head}\n${table(['WHO', 'APPS', ''], rows)}`
  }
  if (change.pairs.length + change.apps.length === 0) return `${head}\nNothing becomes possible or impossible.`
  const pairs = change.pairs.map(({ kind, name, app, becomes }) => [
    kind === 'anyone' ? 'anyone' : `${kind} ${name}`,
    app,
    becomes,
  ])
  const own = change.apps.map(({ app, gain, lose, gaining, losing }) => [
    app,
    `+${gain}`,
    `-${lose}`,
    [...gaining.slice(0, 4).map((name) => `+${name}`), ...losing.slice(0, 4).map((name) => `-${name}`)].join(' '),
  ])
  return [
    head,
    table(['WHO', 'APP', 'BECOMES'], pairs.slice(0, mostRows)),
    ...(pairs.length > mostRows ? [`… and ${pairs.length - mostRows} more`] : []),
    '',
    table(['APP', 'GAIN', 'LOSE', 'PEOPLE'], own.slice(0, mostRows)),
  ].join('\n')
}

export function proposalText({ rules, used, covered, heldOut, pairs, notes }: ProposalReport): string {
  const share = (part: number, whole: number) => (whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`)
  return [
    `${rules.length} rules cover ${covered} of ${used} pairs of person and app that were used.`,
    `Held out: ${share(heldOut.coveredDecisions, heldOut.decisions)} of ${heldOut.decisions} decisions, ` +
      `${share(heldOut.coveredPairs, heldOut.pairs)} of ${heldOut.pairs} pairs.`,
    `People who could reach an app: ${pairs.now} pairs now, ${pairs.proposed} proposed; ${pairs.removed} fewer.`,
    ...(heldOut.breaks.length === 0
      ? ['Nobody would have missed anything in the time held out.']
      : [
          `${heldOut.breaks.length} pairs would have been refused in the time held out:`,
          table(
            ['USER', 'APP', 'USED', 'LAST'],
            heldOut.breaks.slice(0, mostRows).map(({ user, app, decisions, last }) => [user, app, decisions, last]),
          ),
        ]),
    ...notes.map((note) => safe(`note: ${note}`)),
  ].join('\n')
}
