// Commands about policies before they are applied and after they decided: explain, test, replay, reach, propose, and the
// approval of what a change opens.
import { Fault } from '#core/fault.ts'
import type { PolicyJob } from '#core/api/policy-views.ts'
import type { BodyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'
import { apiOptions, type Command, type Input, parseDuration, UsageFault } from '#cli/command.ts'
import { age, safe, table, write, writeError, writeJson } from '#cli/output.ts'
import { explanationText, pastText, proposalText, reachText, replayText } from './policy-reports.ts'

const treeOption = { type: 'string', help: 'YAML file or folder of what is proposed' } as const
const pruneOption = { type: 'boolean', help: 'the tree is all there is of its kinds, as with apply --prune' } as const

export const explain: Command = {
  usage: 'policy explain --as USER --app APP',
  summary: 'what policy would decide for a person and an app, or has decided (--event), and why',
  options: {
    as: { type: 'string', help: 'user name' },
    app: { type: 'string', help: 'app name' },
    event: { type: 'string', help: 'id of an event: why that decision was made' },
    posture: { type: 'string', help: 'posture of the device: 0 unknown, 1 registered, 2 managed' },
    factor: { type: 'string', multiple: true, help: 'factor of the session, e.g. otp; may be repeated' },
    method: { type: 'string', help: 'HTTP method' },
    path: { type: 'string', help: 'HTTP path' },
    ip: { type: 'string', help: 'address that the person comes from' },
    at: { type: 'string', help: 'time, as 2026-11-24T10:00:00Z' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const event = input.text('event')
    if (event !== undefined) {
      const past = await input.api().call('explainEvent', { params: { id: event } })
      if (input.isJson) writeJson(past)
      else write(pastText(past))
      return past.recorded.decision === 'allow' ? 0 : 1
    }
    const posture = input.text('posture')
    const [user, app] = [input.text('as'), input.text('app')]
    if (user === undefined || app === undefined) throw new UsageFault('--as and --app, or --event, are needed', explain)
    const reply = await input.api().call('explain', {
      body: {
        user,
        app,
        ...(posture !== undefined && { posture: Number(posture) as 0 | 1 | 2 }),
        ...(input.list('factor').length > 0 && { factors: [...input.list('factor')] }),
        ...(input.text('method') && { method: input.text('method') }),
        ...(input.text('path') && { path: input.text('path') }),
        ...(input.text('ip') && { ip: input.text('ip') }),
        ...(input.text('at') && { at: input.text('at') }),
      },
    })
    if (input.isJson) writeJson(reply)
    else write(explanationText(reply))
    return reply.decision === 'allow' ? 0 : 1
  },
}

export const policyTest: Command = {
  usage: 'policy test',
  summary: 'run the policy tests against what is in force, or with -f against a proposed tree; exit code 1 on failure',
  options: { file: { ...treeOption, short: 'f' }, prune: pruneOption, ...apiOptions },
  positionals: [0, 0],
  async run(input) {
    const tree = await readTree(input, 'file')
    const { parsePlace } = await import('#cli/documents.ts')
    const reply = await input.api().call('testPolicies', { body: tree.body })
    if (input.isJson) writeJson(reply)
    else {
      for (const { ok, at, title, message } of reply.results) {
        const place = parsePlace(at)
        const where = place === null ? at : (tree.documents[place[0]]?.place(place[1]) ?? at)
        write(safe(ok ? `ok    ${title}` : `FAIL  ${title}`))
        if (!ok) write(safe(`      ${where}: ${message ?? ''}`))
      }
      for (const { document, message } of reply.warnings) write(safe(`warning: ${document}: ${message}`))
      for (const { who, app, circumstances, cause } of reply.openings)
        write(safe(`opens ${app} to ${who} ${circumstances}: ${cause}`))
      write(`${reply.results.length - reply.failed} passed, ${reply.failed} failed.`)
    }
    return reply.failed === 0 ? 0 : 1
  },
}

export const policyReplay: Command = {
  usage: 'policy replay --against TREE',
  summary:
    'what a proposed tree would have done to the decisions of the last days; exit code 1 when anybody loses or gains',
  options: {
    against: treeOption,
    prune: pruneOption,
    since: { type: 'string', help: 'how far back: 12h, 30d (default 30d)' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    if (input.text('against') === undefined) throw new UsageFault('Name what is proposed with --against', policyReplay)
    const { body } = await readTree(input, 'against')
    const sinceSeconds = parseDuration(input.text('since') ?? '30d')
    const { replay } = await runJob(input, { kind: 'replay', ...body, sinceSeconds })
    if (replay === null) throw new Fault('internal')
    if (input.isJson) writeJson(replay)
    else write(replayText(replay))
    return replay.loses.decisions + replay.gains.decisions + replay.duties.decisions === 0 ? 0 : 1
  },
}

export const policyReach: Command = {
  usage: 'policy reach [--against TREE]',
  summary: 'who could reach which app, used or not; with a proposed tree, what becomes possible or impossible',
  options: {
    against: treeOption,
    prune: pruneOption,
    posture: { type: 'string', help: 'stated: 0 unknown, 1 registered, 2 managed' },
    factor: { type: 'string', multiple: true, help: 'stated: factor of the session; may be repeated' },
    door: { type: 'string', help: 'stated: browser or agent' },
    ip: { type: 'string', help: 'stated: address that people come from' },
    at: { type: 'string', help: 'stated: time, as 2026-11-24T10:00:00Z' },
    approved: { type: 'string', help: 'stated: yes or no, whether a request for access was approved' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const { body } = await readTree(input, 'against')
    const context = await statedIn(input)
    const { reach } = await runJob(input, { kind: 'reach', ...body, context })
    if (reach === null) throw new Fault('internal')
    if (input.isJson) writeJson(reach)
    else write(reachText(reach))
    const { change } = reach
    return change === null || change.pairs.length + change.apps.length === 0 ? 0 : 1
  },
}

export const policyPropose: Command = {
  usage: 'policy propose',
  summary: 'the least that would cover what was used, as YAML to review, tested on days held out; nothing is applied',
  options: {
    since: { type: 'string', help: 'how far back (default 30d)' },
    'hold-out': { type: 'string', help: 'the newest part, only to test on (default 7d)' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const sinceSeconds = parseDuration(input.text('since') ?? '30d')
    const holdOutSeconds = parseDuration(input.text('hold-out') ?? '7d')
    const { proposal } = await runJob(input, { kind: 'propose', sinceSeconds, holdOutSeconds })
    if (proposal === null) throw new Fault('internal')
    if (input.isJson) writeJson(proposal)
    else {
      // What it says of itself is for people; what goes to a file is YAML alone.
      writeError(proposalText(proposal))
      write(proposal.yaml.trimEnd())
    }
    return 0
  },
}

export const policyApprove: Command = {
  usage: 'policy approve REQUEST',
  summary: "approve what another administrator's apply opens; shows it first, approves with --yes",
  options: { yes: { type: 'boolean', help: 'approve; without it the list is only shown' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const request = input.words[0] ?? ''
    const asked = await input.api().call('readWideningRequest', { body: { request } })
    if (!input.isJson) {
      write(safe(`Asked by ${asked.requestedBy}, until ${asked.until}:`))
      write(
        table(
          ['APP', 'OPENS TO', ''],
          asked.openings.map(({ app, who, circumstances, cause }) => [app, who, circumstances, cause]),
        ),
      )
      if (asked.total > asked.openings.length) write(`and ${asked.total - asked.openings.length} more`)
    }
    if (!input.flag('yes')) {
      if (input.isJson) writeJson(asked)
      else write('Nothing was approved; add --yes to approve it.')
      return 1
    }
    const { approval, openings } = await input.api().call('approveWidening', { body: { request } })
    if (input.isJson) writeJson({ approval, openings })
    else write(`Approved. The one who asked applies it with\n  --widening-approval ${approval}`)
    return 0
  },
}

type JobBody = NonNullable<BodyOf<(typeof routes)['startPolicyJob']>>

const pollMs = 300

/** Starts a job, says on standard error how far it is, and stops it when the person gives up. */
async function runJob(input: Input, body: JobBody): Promise<PolicyJob> {
  const api = input.api()
  let job = await api.call('startPolicyJob', { body })
  const params = { id: job.id }
  let told = ''
  try {
    while (job.status === 'running') {
      const words = `${job.progress.words}: ${job.progress.done.toLocaleString('en')} (${age(job.startedAt)})`
      if (words !== told && !input.isJson)
        process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${words}` : `${words}\n`)
      told = words
      await pause(pollMs, input.signal)
      job = await api.call('getPolicyJob', { params, signal: input.signal })
    }
  } catch (error) {
    await api.call('stopPolicyJob', { params }).catch(() => {})
    throw error
  }
  if (told !== '' && !input.isJson && process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const { error } = job
  await api.call('stopPolicyJob', { params }).catch(() => {})
  if (error === null) return job
  const { faultTable } = await import('#core/fault.ts')
  const code = error.code in faultTable ? (error.code as keyof typeof faultTable) : 'internal'
  throw new Fault(code, { hint: error.message.replace(faultTable[code][1], '').trim() })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: wait } = await import('node:timers/promises')
  await wait(ms, undefined, { signal })
}

async function readTree(input: Input, option: string) {
  const source = input.text(option)
  if (source === undefined) return { documents: [], body: {} }
  const { readDocuments } = await import('#cli/documents.ts')
  const documents = readDocuments(source)
  return { documents, body: { documents: documents.map(({ value }) => value), prune: input.flag('prune') } }
}

async function statedIn(input: Input) {
  const [posture, approved] = [input.text('posture'), input.text('approved')]
  const factors = input.list('factor')
  const { statedContext } = await import('#core/resources/policy-test.ts')
  const parsed = statedContext.safeParse({
    ...(posture !== undefined && { posture: Number(posture) }),
    ...(factors.length > 0 && { factors: [...factors] }),
    ...(input.text('door') && { door: input.text('door') }),
    ...(input.text('ip') && { ip: input.text('ip') }),
    ...(input.text('at') && { at: input.text('at') }),
    ...(approved !== undefined && { approved: approved === 'yes' }),
  })
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new UsageFault(`--${String(issue?.path[0] ?? '')}: ${issue?.message ?? ''}`, policyReach)
}
