// A policy file as evaluation and conformance read it: Cedar text, or Cedar's JSON form of a policy or a policy set.
import { Fault } from '#core/fault.ts'
import { compilePolicies, compileTemplate, linkTemplate, type Policy, readJson } from '#core/policy/policy.ts'
import { isObject, type JsonObject, own, readUid } from '#core/policy/value-json.ts'
import type { PolicyChecker } from './checker.ts'
import type { OfficialPolicies, UidJson } from './official.ts'

export type PolicySource = {
  /** Static policies and links, by position. */
  readonly compiled: readonly Policy[]
  /** The same for the official engine. */
  readonly official: OfficialPolicies
}

/** Throws `policy-invalid` with the place. */
export async function readPolicySource(checker: PolicyChecker, text: string): Promise<PolicySource> {
  return text.trimStart().startsWith('{') ? readJsonForm(readJson(text)) : await readText(checker, text)
}

async function readText(checker: PolicyChecker, text: string): Promise<PolicySource> {
  const checked = await checker.check({ documents: text, schema: null })
  if (!checked.ok) {
    const first = checked.errors[0]
    const place = first === undefined || first.line === null ? '' : `line ${first.line}, column ${first.column}: `
    throw new Fault('policy-invalid', { hint: `${place}${first?.message ?? ''}` })
  }
  // An unlinked template never applies
  const policies = checked.policies.filter(({ isTemplate }) => !isTemplate)
  return {
    compiled: compilePolicies(policies),
    official: { staticPolicies: Object.fromEntries(policies.map(({ id, est }) => [id, est])) },
  }
}

function readJsonForm(json: unknown): PolicySource {
  if (!isObject(json)) throw new Fault('policy-invalid')
  if (Object.hasOwn(json, 'effect')) return readJsonForm({ staticPolicies: { policy0: json } })
  const statics = section(json, 'staticPolicies')
  const templates = section(json, 'templates')
  const links = own(json, 'templateLinks') ?? []
  if (!Array.isArray(links)) throw new Fault('policy-invalid', { hint: '"templateLinks" is not a list.' })
  const byId = new Map(Object.entries(templates).map(([id, est]) => [id, compileTemplate({ id, est })]))
  const linked = links.map((link: unknown) => {
    const [id, templateId, values] = ['newId', 'templateId', 'values'].map((name) =>
      isObject(link) ? own(link, name) : undefined,
    )
    const template = typeof templateId === 'string' ? byId.get(templateId) : undefined
    if (typeof id !== 'string' || template === undefined || !isObject(values)) {
      throw new Fault('policy-invalid', { hint: 'A template link is malformed.' })
    }
    const slots = Object.fromEntries(Object.entries(values).map(([slot, uid]) => [slot, readUid(uid, slot)]))
    return { id, template, values: slots }
  })
  return {
    compiled: [
      ...compilePolicies(Object.entries(statics).map(([id, est]) => ({ id, est }))),
      ...linked.map(linkTemplate),
    ],
    official: {
      staticPolicies: statics,
      templates,
      templateLinks: linked.map(({ id, template, values }) => ({
        templateId: template.id,
        newId: id,
        values: Object.fromEntries(
          Object.entries(values).map(([slot, { type, id: name }]): [string, UidJson] => [slot, { type, id: name }]),
        ),
      })),
    },
  }
}

function section(json: JsonObject, name: string): JsonObject {
  const found = own(json, name) ?? {}
  if (!isObject(found)) throw new Fault('policy-invalid', { hint: `"${name}" is not an object.` })
  return found
}
