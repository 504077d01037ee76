// Commands that prove something without a running server: the journal's chains, and what the policy engines say.
import { createPublicKey } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import { isId, type TenantId } from '#core/ids.ts'
import type { JournalKey } from '#journal/statement.ts'
import { type Command, UsageFault } from '#cli/command.ts'
import { safe, table, write, writeJson } from '#cli/output.ts'

export const journalVerify: Command = {
  usage: 'journal verify FOLDER --keys FILE',
  summary: 'recompute every chain of a journal, and of the lake beside it; exit code 1 when anything is wrong',
  options: {
    keys: { type: 'string', help: 'keys.json of the journal: who signs which chain (default: FOLDER/keys.json)' },
    tenant: { type: 'string', help: 'only this tenant (id)' },
    lake: {
      type: 'string',
      help: 'folder of the lake that old segments went to (default: FOLDER/../lake, if it is there)',
    },
    json: { type: 'boolean', help: 'write JSON for machines' },
  },
  positionals: [1, 1],
  async run(input) {
    const [folder = ''] = input.words
    const tenant = input.text('tenant')
    if (tenant !== undefined && !isId('tenant', tenant))
      throw new Fault('request-malformed', { hint: '--tenant takes an id (ten_…).' })
    const { verifyJournal } = await import('#journal/verify.ts')
    const keys = readKeys(input.text('keys') ?? `${folder}/keys.json`)
    const report = await verifyJournal(folder, {
      publicKeys: keys,
      signal: input.signal,
      ...(tenant !== undefined && { tenant }),
    })
    const removed = report.chains.filter(({ removedThrough }) => removedThrough > 0)
    const lakeFolder = input.text('lake') ?? join(folder, '..', 'lake')
    const kept = existsSync(lakeFolder) ? await keptInLake(lakeFolder, folder, removed, keys, input.signal) : null
    const isIntact = report.isIntact && (kept?.problems.length ?? 0) === 0
    if (input.isJson) writeJson({ ...report, isIntact, ...(kept && { lake: kept }) })
    else {
      write(
        table(
          ['TENANT', 'WRITER', 'RECORDS', 'FROM', 'TO', 'SEGMENTS', 'SIGNED', 'UNSIGNED', 'REFUSED', 'PROBLEMS'],
          report.chains.map((chain) => [
            chain.tenant,
            chain.writer,
            chain.records,
            chain.firstSequence,
            chain.lastSequence,
            chain.segments,
            chain.checkpoints,
            chain.unsignedRecords,
            chain.refusedRecords,
            chain.problems.length,
          ]),
        ),
      )
      for (const chain of report.chains)
        for (const { kind, sequence, detail } of chain.problems)
          write(`${chain.tenant}/${chain.writer} at ${sequence}: ${kind}: ${detail}`)
      for (const problem of kept?.problems ?? []) write(problem)
      write(isIntact ? `Intact: ${report.chains.length} chains${keptWords(removed, kept)}.` : 'NOT intact.')
    }
    return isIntact ? 0 : 1
  },
}

type Removed = { readonly tenant: TenantId; readonly writer: string; readonly removedThrough: number }
type Kept = { readonly problems: readonly string[]; readonly rows: number; readonly expired: number }

/** What the journal let go, proven again from the lake's files: each chain at least as far as its tombstones say. */
async function keptInLake(
  folder: string,
  journalRoot: string,
  removed: readonly Removed[],
  keys: readonly JournalKey[],
  signal: AbortSignal,
): Promise<Kept> {
  const { openLake } = await import('#lake/lake.ts')
  const problems: string[] = []
  let [rows, expired] = [0, 0]
  await using lake = openLake(
    { folder, journalRoot },
    { report: ({ detail }) => problems.push(JSON.stringify(detail)) },
  )
  for (const tenant of new Set(removed.map((one) => one.tenant))) {
    const report = await lake.verify(tenant, keys, signal)
    for (const { kind, where, detail } of report.problems)
      problems.push(`${tenant} lake ${where}: ${kind}: ${safe(detail)}`)
    for (const { writer, removedThrough } of removed.filter((one) => one.tenant === tenant)) {
      const chain = report.chains.find((one) => one.writer === writer)
      // Removed before there was a lake: the tombstone is all that is left, as it says.
      if (chain !== undefined && chain.through < removedThrough)
        problems.push(`${tenant}/${writer}: removed through ${removedThrough}, the lake has ${chain.through}`)
      rows += (chain?.provenRows ?? 0) + (chain?.unprovenRows ?? 0)
      expired += chain?.removedRows ?? 0
    }
  }
  return { problems, rows, expired }
}

function keptWords(removed: readonly Removed[], kept: Kept | null): string {
  if (removed.length === 0) return ''
  if (kept === null) return '; some records were removed under signed tombstones'
  const past = kept.expired > 0 ? `, ${kept.expired} more past their retention` : ''
  return `; ${kept.rows} records removed from the journal and kept in the lake${past}`
}

const keyEntry = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('writer'), keyId: z.string(), writer: z.string(), pem: z.string() }),
  z.strictObject({ kind: z.literal('custodian'), keyId: z.string(), pem: z.string() }),
])

/** The public keys that control keeps beside its journal. */
function readKeys(file: string): readonly JournalKey[] {
  try {
    const entries = z.array(keyEntry).parse(JSON.parse(readFileSync(file, 'utf8')))
    return entries.map(({ pem, ...key }) => ({ ...key, publicKey: createPublicKey(pem) }))
  } catch (cause) {
    throw new Fault('not-found', { hint: `The keys of the journal could not be read from ${file}.`, cause })
  }
}

export const policyEval: Command = {
  usage: 'policy eval --policies FILE --entities FILE --request FILE',
  summary: 'decide one request from files; exit code 1 on deny',
  options: {
    policies: { type: 'string', help: 'Cedar policies, as text or JSON' },
    entities: { type: 'string', help: 'entities, as JSON' },
    request: { type: 'string', help: 'principal, action, resource, context, as JSON' },
    schema: { type: 'string', help: 'Cedar schema, as text or JSON' },
    engine: { type: 'string', help: 'compiled (default) or official' },
  },
  positionals: [0, 0],
  async run(input) {
    const [policies, entities, request, schema] = [
      input.text('policies'),
      input.text('entities'),
      input.text('request'),
      input.text('schema'),
    ]
    const engine = input.text('engine') ?? 'compiled'
    if (policies === undefined || entities === undefined || request === undefined)
      throw new UsageFault('--policies, --entities and --request are needed', policyEval)
    if (engine !== 'compiled' && engine !== 'official')
      throw new UsageFault('--engine is compiled or official', policyEval)
    const { evaluateFile } = await import('#cedar/evaluate-file.ts')
    const answer = await evaluateFile({ policies, entities, request, engine, ...(schema !== undefined && { schema }) })
    write(JSON.stringify({ decision: answer.decision, reasons: answer.reasons, errors: answer.errors }))
    for (const { policyId, message } of answer.messages) process.stderr.write(`${policyId}: ${message}\n`)
    return answer.decision === 'allow' ? 0 : 1
  },
}

export const policyConformance: Command = {
  usage: 'policy conformance FOLDER',
  summary: "run Cedar's public integration tests against the compiled engine; exit code 1 when any differ",
  options: { json: { type: 'boolean', help: 'write JSON for machines' } },
  positionals: [1, 1],
  async run(input) {
    const { runConformance } = await import('#cedar/conformance.ts')
    const report = await runConformance(input.words[0] ?? '', { signal: input.signal })
    if (input.isJson) writeJson(report)
    else {
      for (const { file, description, outcome, detail } of report.entries)
        write(`${outcome}  ${file}  ${description}: ${detail}`)
      write(report.summary)
    }
    return report.different === 0 ? 0 : 1
  },
}
