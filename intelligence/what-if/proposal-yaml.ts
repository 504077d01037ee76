// A proposal as documents for `apply`, to be read and changed by people first. Names are checked by the schema of
// resources already; must never put any other text into a policy.
import type { ProposedRule } from './propose.ts'

type Facts = { readonly from: string; readonly until: string; readonly kept: readonly string[] }

export function yamlOf(rules: readonly ProposedRule[], { from, until, kept }: Facts): string {
  const head = [
    `# Proposed from what was used between ${from} and ${until}. Review it; nothing of it is in force.`,
    '# It is meant to take the place of the permits in force, which you delete yourself. Try it first:',
    '#   sallyport policy replay --against THIS-FOLDER --since 30d',
    ...(kept.length === 0 ? [] : [`# Policies that forbid stay as they are: ${kept.map(oneLine).join(', ')}.`]),
  ]
  const documents = [...Map.groupBy(rules, ({ app }) => app)].map(([app, own]) =>
    ['---', 'kind: Policy', `name: ${nameFor(app)}`, 'spec:', '  text: |', ...own.flatMap(policyLines)].join('\n'),
  )
  return `${[...head, ...documents].join('\n')}\n`
}

function policyLines({ group, user, app, covers, members, leastPosture }: ProposedRule): string[] {
  const who = group === null ? `principal == User::${quoted(user ?? '')}` : `principal in Group::${quoted(group)}`
  const when =
    leastPosture === 0 ? [] : [`    when { context has device && context.device.posture >= ${leastPosture} }`]
  return [
    `    // used by ${covers} of ${members}`,
    `    permit (${who}, action in [Action::"request", Action::"connect"], resource == App::${quoted(app)})`,
    ...when,
  ].map((line, at, all) => (at === all.length - 1 ? `${line};` : line))
}

/** At most 40 characters, as names of policies have. */
function nameFor(app: string): string {
  return `used-${app}`.slice(0, 40).replace(/-+$/, '')
}

function quoted(name: string): string {
  return JSON.stringify(name)
}

function oneLine(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80)
}
