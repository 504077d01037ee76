// Declarative commands: apply, diff, get, delete. All or nothing; a mistake is named with its line.
import { Fault, isFault } from '#core/fault.ts'
import type { ReplyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'
import { ApiFault } from '#cli/api-client.ts'
import { apiOptions, type Command, type Input, UsageFault } from '#cli/command.ts'
import { age, safe, table, write, writeJson } from '#cli/output.ts'
import { effectLine } from './effect.ts'

const fileOption = { file: { type: 'string', short: 'f', help: 'YAML file, folder, or - for standard input' } } as const

const marks = { create: '+', update: '~', delete: '-', unchanged: ' ' } as const

async function applyDocuments(input: Input, dryRun: boolean): Promise<number> {
  const source = input.text('file')
  if (source === undefined) throw new UsageFault('Name the documents with -f FILE', dryRun ? diff : apply)
  const { parsePlace, readDocuments } = await import('#cli/documents.ts')
  const documents = readDocuments(source)
  try {
    const reply = await input.api().call('apply', {
      body: { documents: documents.map(({ value }) => value), dryRun, prune: input.flag('prune'), ...consentIn(input) },
    })
    if (input.isJson) writeJson(reply)
    else {
      writeApplied(reply, dryRun)
    }
    return dryRun && reply.changes.some(({ action }) => action !== 'unchanged') ? 1 : 0
  } catch (fault) {
    if (fault instanceof ApiFault && fault.approvalRequest !== undefined) throw heldBack(fault, fault.approvalRequest)
    const place = fault instanceof ApiFault && fault.at !== undefined ? parsePlace(fault.at) : null
    const document = place && documents[place[0]]
    if (!(fault instanceof ApiFault) || !place || !document) throw fault
    const path = place[1].join('.')
    const why = (fault.hint ?? '').replace(`${fault.at ?? ''}: `, '')
    throw new Fault(fault.code, {
      hint: `${document.place(place[1])}: ${path ? `${path}: ` : ''}${why}`,
      cause: fault,
    })
  }
}

export const consentOptions = {
  why: { type: 'string', help: 'the reason, for who reads the history of the policies' },
  'allow-widening': { type: 'boolean', help: 'yes to what it opens to outsiders or to everybody' },
  'widening-approval': { type: 'string', help: "another administrator's approval, from policy approve" },
} as const

type Consent = { readonly allowWidening?: boolean; readonly wideningApproval?: string; readonly why?: string }

export function consentIn(input: Input): Consent {
  const why = input.text('why')
  const approval = input.text('widening-approval')
  return {
    ...(input.flag('allow-widening') && { allowWidening: true }),
    ...(approval !== undefined && { wideningApproval: approval }),
    ...(why !== undefined && { why }),
  }
}

/** What was held back, and how it goes on. */
export function heldBack(fault: ApiFault, request: string): Fault {
  const how = `If that is what you want, add --allow-widening; or have another administrator run:\n  sallyport policy approve ${request} --yes`
  return new Fault(fault.code, { hint: `\n${fault.hint ?? ''}\n${how}`, cause: fault })
}

/** What an apply did, or would do. */
export function writeApplied(reply: ReplyOf<(typeof routes)['apply']>, dryRun: boolean): void {
  for (const { kind, name, action, fields } of reply.changes) {
    if (action !== 'unchanged')
      write(safe(`${marks[action]} ${kind} ${name}${fields.length > 0 ? `  (${fields.join(', ')})` : ''}`))
  }
  const changed = reply.changes.filter(({ action }) => action !== 'unchanged').length
  write(`${changed} to change, ${reply.changes.length - changed} unchanged${dryRun ? '; nothing was applied' : ''}.`)
  for (const { who, app, circumstances, cause } of reply.openings)
    write(safe(`opens ${app} to ${who} ${circumstances}: ${cause}`))
  for (const { document, message } of reply.warnings) write(safe(`warning: ${document}: ${message}`))
  if (reply.effect) write(effectLine(reply.effect))
}

export const apply: Command = {
  usage: 'apply -f FILE',
  summary: 'make the resources in the documents so; all of it or nothing',
  options: {
    ...fileOption,
    prune: { type: 'boolean', help: 'also delete resources of the same kinds that are not listed' },
    ...consentOptions,
    ...apiOptions,
  },
  positionals: [0, 0],
  run: (input) => applyDocuments(input, false),
}

export const diff: Command = {
  usage: 'diff -f FILE',
  summary: 'show what apply would change; exit code 1 when anything would',
  options: { ...fileOption, prune: { type: 'boolean', help: 'as for apply' }, ...apiOptions },
  positionals: [0, 0],
  run: (input) => applyDocuments(input, true),
}

function deletionConsent(input: Input): Omit<Consent, 'allowWidening'> & { readonly allowWidening?: 'true' } {
  const { allowWidening, ...rest } = consentIn(input)
  return { ...rest, ...(allowWidening === true && { allowWidening: 'true' as const }) }
}

async function pluralOf(word: string): Promise<string> {
  const { resourceKindNames, resourceKinds } = await import('#core/resources/kinds.ts')
  const wanted = word.toLowerCase()
  for (const kind of resourceKindNames) {
    const { plural } = resourceKinds[kind]
    if ([kind.toLowerCase(), plural, plural.replaceAll('-', '')].includes(wanted)) return plural
  }
  throw new Fault('not-found', { hint: `No kind "${word}". Kinds: ${resourceKindNames.join(', ')}.` })
}

export const get: Command = {
  usage: 'get KIND [NAME]',
  summary: 'list resources of a kind, or write one as YAML that apply takes',
  options: { search: { type: 'string', help: 'only names that contain this' }, ...apiOptions },
  positionals: [1, 2],
  async run(input) {
    const [kind = '', name] = input.words
    const api = input.api()
    const plural = await pluralOf(kind)
    if (name !== undefined) {
      const found = await api.call('getResource', { params: { plural, name } }).catch((fault: unknown) => {
        if (!isFault(fault, 'not-found')) throw fault
        throw new Fault('not-found', { hint: `No ${kind} named ${name}.`, cause: fault })
      })
      if (input.isJson) writeJson(found)
      else {
        const { stringify } = await import('yaml')
        write(stringify({ kind: found.kind, name: found.name, spec: found.spec }).trimEnd())
      }
      return 0
    }
    const items = []
    let after: string | undefined
    do {
      const page = await api.call('listResources', {
        params: { plural },
        query: { limit: 1000, ...(after && { after }), ...(input.text('search') && { search: input.text('search') }) },
      })
      items.push(...page.items)
      after = page.next ?? undefined
    } while (after !== undefined)
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['NAME', 'VERSION', 'CHANGED'],
          items.map((item) => [item.name, item.version, `${age(item.updatedAt)} ago`]),
        ),
      )
    return 0
  },
}

export const remove: Command = {
  usage: 'delete KIND NAME',
  summary: 'delete a resource; refused while another refers to it',
  options: { ...consentOptions, ...apiOptions },
  positionals: [2, 2],
  async run(input) {
    const [kind = '', name = ''] = input.words
    const effect = await input
      .api()
      .call('deleteResource', { params: { plural: await pluralOf(kind), name }, query: deletionConsent(input) })
    if (input.isJson) writeJson(effect)
    else write(`Deleted. ${effectLine(effect)}`)
    return 0
  },
}
