// Commands about the history of policies: versions, what differs between two, and going back to one.
import type { PolicyDifference } from '#core/api/policy-history-routes.ts'
import { diffLines } from '#core/line-diff.ts'
import { ApiFault } from '#cli/api-client.ts'
import { apiOptions, type Command, UsageFault } from '#cli/command.ts'
import { safe, table, write, writeJson } from '#cli/output.ts'
import { consentIn, consentOptions, heldBack, writeApplied } from './resources.ts'

const marks = { create: '+', update: '~', delete: '-' } as const
const around = 3
const namesShown = 4

export const policyHistory: Command = {
  usage: 'policy history',
  summary: 'versions of the policies and their tests, newest first: who changed what, when and why',
  options: {
    search: { type: 'string', help: 'only versions that changed a document whose name contains this' },
    limit: { type: 'string', help: 'how many (default 20, at most 1000)' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const limit = Number(input.text('limit') ?? '20')
    if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
      throw new UsageFault('--limit is 1 to 1000', policyHistory)
    const search = input.text('search')
    const page = await input.api().call('listPolicyVersions', {
      query: { limit, ...(search !== undefined && { search }) },
    })
    if (input.isJson) {
      writeJson(page)
      return 0
    }
    if (page.total === 0) {
      write('No policy was changed since versions are kept.')
      return 0
    }
    write(
      table(
        ['VERSION', 'AT', 'BY', 'CHANGED', 'WHY'],
        page.items.map((version) => [
          version.version,
          version.at,
          version.approvedBy === null ? version.by : `${version.by}, approved by ${version.approvedBy}`,
          changedIn(version),
          [version.restores === null ? '' : `back to ${version.restores}`, version.why ?? '']
            .filter(Boolean)
            .join(': '),
        ]),
      ),
    )
    if (page.next !== null) write(`${page.total - page.items.length} older ones; see --limit.`)
    return 0
  },
}

function changedIn({
  changes,
  total,
}: {
  readonly changes: readonly { readonly name: string; readonly action: keyof typeof marks }[]
  readonly total: number
}): string {
  const shown = changes.slice(0, namesShown)
  const more = total > shown.length ? ` and ${total - shown.length} more` : ''
  return `${shown.map(({ name, action }) => `${marks[action]}${name}`).join(' ')}${more}`
}

export const policyDiff: Command = {
  usage: 'policy diff FROM [TO]',
  summary:
    'what differs between two versions of the policies, or one and what is in force; exit code 1 when anything does',
  options: apiOptions,
  positionals: [1, 2],
  async run(input) {
    const [from = '', to] = input.words
    const reply = await input.api().call('comparePolicyVersions', {
      query: { from: versionIn(from, policyDiff), ...(to !== undefined && { to: versionIn(to, policyDiff) }) },
    })
    if (input.isJson) writeJson(reply)
    else {
      for (const difference of reply.differences) await writeDifference(difference)
      const rest = reply.total - reply.differences.length
      write(
        reply.total === 0
          ? `Versions ${reply.from} and ${reply.to} are equal.`
          : `${reply.total} ${reply.total === 1 ? 'document differs' : 'documents differ'} between version ${reply.from} and ${reply.to}${rest > 0 ? `; ${rest} are not shown` : ''}.`,
      )
    }
    return reply.total === 0 ? 0 : 1
  },
}

async function writeDifference({ kind, name, before, after }: PolicyDifference): Promise<void> {
  write(safe(`${marks[before === null ? 'create' : after === null ? 'delete' : 'update']} ${kind} ${name}`))
  const { stringify } = await import('yaml')
  // A policy is read by its text; what else a document says follows it.
  const text = (spec: PolicyDifference['before']) => {
    if (spec === null) return ''
    const { text: body, ...rest } = spec
    if (typeof body !== 'string') return stringify(spec)
    return Object.keys(rest).length === 0 ? body : `${body.replace(/\n?$/, '\n')}${stringify(rest)}`
  }
  const lines = diffLines(text(before), text(after))
  if (lines === null) {
    write('    (too long to compare line by line)')
    return
  }
  const changed = lines.flatMap(({ kind: each }, at) => (each === 'same' ? [] : [at]))
  let last = -1
  for (const [at, line] of lines.entries()) {
    if (!changed.some((place) => Math.abs(place - at) <= around)) continue
    if (last >= 0 && at > last + 1) write('    …')
    last = at
    write(safe(`    ${{ same: ' ', add: '+', remove: '-' }[line.kind]} ${line.text}`))
  }
}

export const policyRestore: Command = {
  usage: 'policy restore VERSION',
  summary: 'make the policies and their tests as they were then; shows it first, does it with --yes',
  options: {
    yes: { type: 'boolean', help: 'do it; without it the changes are only shown' },
    ...consentOptions,
    ...apiOptions,
  },
  positionals: [1, 1],
  async run(input) {
    const version = versionIn(input.words[0] ?? '', policyRestore)
    const dryRun = !input.flag('yes')
    try {
      const reply = await input.api().call('restorePolicyVersion', {
        params: { version: String(version) },
        body: { ...consentIn(input), dryRun },
      })
      if (input.isJson) writeJson(reply)
      else {
        writeApplied(reply, dryRun)
        if (dryRun && reply.changes.length > 0) write('Add --yes to do it.')
      }
      return dryRun && reply.changes.length > 0 ? 1 : 0
    } catch (fault) {
      if (fault instanceof ApiFault && fault.approvalRequest !== undefined) throw heldBack(fault, fault.approvalRequest)
      throw fault
    }
  },
}

function versionIn(word: string, command: Command): number {
  const version = Number(word)
  if (!/^\d{1,15}$/.test(word)) throw new UsageFault(`"${word}" is no version: see sallyport policy history`, command)
  return version
}
