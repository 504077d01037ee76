// Commands of playbooks: those that are shipped, CACAO in and out, runs, answers.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '#core/fault.ts'
import { apiOptions, type Command } from '#cli/command.ts'
import { age, safe, table, write, writeJson } from '#cli/output.ts'

const folder = join(import.meta.dirname, '..', 'playbooks')
const shipped = () => readdirSync(folder).flatMap((name) => (name.endsWith('.yaml') ? [name.slice(0, -5)] : []))

export const playbookList: Command = {
  usage: 'playbook list',
  summary: 'playbooks that are shipped, and runs',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listPlaybookRuns', { query: { limit: 100 } })
    if (input.isJson) {
      writeJson({ shipped: shipped(), runs: items })
      return 0
    }
    write(
      table(
        ['SHIPPED'],
        shipped().map((name) => [name]),
      ),
    )
    write(
      `\n${table(
        ['RUN', 'PLAYBOOK', 'INCIDENT', 'STATE', 'AT', 'AGE', 'ASKS'],
        items.map((run) => [
          run.id,
          run.playbook,
          run.incident,
          run.state,
          run.step,
          age(run.startedAt),
          run.question ?? '',
        ]),
      )}`,
    )
    return 0
  },
}

export const playbookShow: Command = {
  usage: 'playbook show NAME',
  summary: 'a shipped playbook as a document for apply',
  positionals: [1, 1],
  async run(input) {
    const name = input.words[0] ?? ''
    if (!shipped().includes(name)) throw new Fault('not-found', { hint: `Shipped are ${shipped().join(', ')}.` })
    write(readFileSync(join(folder, `${name}.yaml`), 'utf8').trimEnd())
    return 0
  },
}

export const playbookExport: Command = {
  usage: 'playbook export NAME',
  summary: 'a playbook of the tenant as CACAO 2.0 (JSON)',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const { toCacao } = await import('#core/playbook/cacao.ts')
    const { playbookSpec } = await import('#core/resources/playbook.ts')
    const name = input.words[0] ?? ''
    const found = await input.api().call('getResource', { params: { plural: 'playbooks', name } })
    const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32)
    writeJson(toCacao(name, playbookSpec.parse(found.spec), { hash, nowMs: Date.parse(found.updatedAt) }))
    return 0
  },
}

export const playbookImport: Command = {
  usage: 'playbook import FILE',
  summary: 'a CACAO 2.0 playbook as a document for apply; refuses steps that cannot be said here',
  positionals: [1, 1],
  async run(input) {
    const { fromCacao } = await import('#core/playbook/cacao.ts')
    const { stringify } = await import('yaml')
    const text = readFileSync(input.words[0] ?? '', 'utf8')
    if (text.length > 1024 * 1024) throw new Fault('request-too-large')
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (cause) {
      throw new Fault('document-invalid', { hint: 'The file is not JSON.', cause })
    }
    const { name, spec } = fromCacao(value)
    write(stringify({ kind: 'Playbook', name, spec }).trimEnd())
    return 0
  },
}

export const playbookStart: Command = {
  usage: 'playbook start INCIDENT NAME',
  summary: 'start a playbook in an incident',
  options: apiOptions,
  positionals: [2, 2],
  async run(input) {
    const [id = '', playbook = ''] = input.words
    const run = await input.api().call('startPlaybook', { params: { id }, body: { playbook } })
    if (input.isJson) writeJson(run)
    else write(safe(`${run.id}  ${run.state}`))
    return 0
  },
}

export const playbookAnswer: Command = {
  usage: 'playbook answer RUN ANSWER',
  summary: 'answer yes or no to what a playbook asks',
  options: apiOptions,
  positionals: [2, 2],
  async run(input) {
    const [id = '', answer] = input.words
    if (answer !== 'yes' && answer !== 'no') throw new Fault('request-malformed', { hint: 'Answer yes or no.' })
    const run = await input.api().call('answerPlaybook', { params: { id }, body: { answer } })
    if (input.isJson) writeJson(run)
    else write(safe(`${run.id}  ${run.state}  ${run.step}`))
    return 0
  },
}

export const playbookStop: Command = {
  usage: 'playbook stop RUN',
  summary: 'stop a run; what it did stays done',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const run = await input.api().call('stopPlaybook', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(run)
    else write(`${run.id} is stopped.`)
    return 0
  },
}
