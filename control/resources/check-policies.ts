// Policy documents are checked by the official engine before anything is stored: a set with errors leaves the old one
// in force. Must never run inside a transaction: checking takes long.
import type { Document } from './document.ts'
import type { CheckPolicies } from '#control/context.ts'
import type { CheckedPolicy } from '#control/records/from-rows.ts'
import { type DocumentFault, DocumentsFault, type Placed, readDocuments } from './document-faults.ts'

/** Name of the document → its policies, in order. */
export type CheckedDocuments = ReadonlyMap<string, readonly CheckedPolicy[]>

/** The documents, when each of them is one. Throws DocumentsFault with what is wrong in those that are not, and with
 *  what is wrong in the policies of those that are. */
export async function requireReadable(
  values: readonly unknown[],
  checkPolicies: CheckPolicies,
): Promise<readonly Placed<Document>[]> {
  const { documents, faults } = readDocuments(values)
  if (faults.length === 0) return documents
  const policies = await checkPolicyDocuments(documents, checkPolicies)
  throw new DocumentsFault([...faults, ...policies.faults])
}

export async function checkPolicyDocuments(
  documents: readonly Placed<Document>[],
  checkPolicies: CheckPolicies,
): Promise<{ readonly checked: CheckedDocuments; readonly faults: readonly DocumentFault[] }> {
  const places = new Map<string, { readonly at: string; readonly text: string }>()
  for (const { at, value } of documents)
    if (value.kind === 'Policy') places.set(value.name, { at, text: value.spec.text })
  if (places.size === 0) return { checked: new Map(), faults: [] }
  const result = await checkPolicies([...places].map(([name, { text }]) => ({ name, text })))
  if (!result.ok) {
    const [firstPlace] = places.values()
    return {
      checked: new Map(),
      faults: result.errors.map(({ message, document, line }) => ({
        at: `${(document === undefined ? firstPlace : places.get(document))?.at ?? 'documents'}.spec.text`,
        message: line === null ? message : `line ${line}: ${message}`,
        code: 'policy-invalid',
      })),
    }
  }
  const faults: DocumentFault[] = []
  const checked = new Map<string, CheckedPolicy[]>([...places.keys()].map((name) => [name, []]))
  for (const policy of result.policies) {
    const { document, line, name, est, isTemplate } = policy
    const at = `${places.get(document)?.at ?? 'documents'}.spec.text`
    if (isTemplate) faults.push({ at, message: `line ${line}: templates are not supported`, code: 'policy-invalid' })
    checked.get(document)?.push({ name, line, est, text: '' })
  }
  for (const [name, policies] of checked) {
    const { at, text } = places.get(name) ?? { at: 'documents', text: '' }
    if (policies.length === 0)
      faults.push({ at: `${at}.spec.text`, message: 'there is no policy in it', code: 'policy-invalid' })
    checked.set(name, withTexts(policies, text))
  }
  return { checked, faults }
}

/** Each policy with the lines from where it begins to where the next does. */
function withTexts(policies: readonly CheckedPolicy[], text: string): CheckedPolicy[] {
  const lines = text.split('\n')
  const inOrder = policies.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  return inOrder.map((policy, index) => {
    const start = (policy.line ?? 1) - 1
    const next = inOrder[index + 1]?.line
    const end = next === undefined || next === null ? lines.length : Math.max(next - 1, start + 1)
    return { ...policy, text: lines.slice(start, end).join('\n').trim() }
  })
}
