// Faults of documents, each with its place: `documents[3].spec.upstream.port`. Must never quote a value: it may be a
// secret that somebody put into the wrong field.
import type * as z from 'zod'
import { Fault, type FaultCode } from '#core/fault.ts'
import { resourceDocument } from '#core/resources/kinds.ts'
import type { Document } from './document.ts'
import { caps } from '#control/caps.ts'

export type DocumentFault = { readonly at: string; readonly message: string; readonly code: FaultCode }

/** Several faults of one request, shown together. The first decides the code. */
export class DocumentsFault extends Fault {
  readonly faults: readonly DocumentFault[]

  constructor(faults: readonly DocumentFault[]) {
    const first = faults[0]
    const shown = faults.slice(0, caps.faultsShown.default)
    super(first?.code ?? 'document-invalid', {
      hint: shown.map(({ at, message }) => `${at}: ${message}`).join('\n'),
    })
    this.faults = shown
  }
}

/** `documents[3]`, `['spec', 'names', 0, 'host']` → `documents[3].spec.names[0].host`. */
export function placeOf(root: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (place, part) =>
      typeof part === 'number' ? `${place}[${part}]` : `${place}${place === '' ? '' : '.'}${String(part)}`,
    root,
  )
}

export function faultsOf(root: string, error: z.ZodError): DocumentFault[] {
  return error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({
          at: placeOf(root, [...issue.path, key]),
          message: 'unknown key',
          code: 'document-invalid' as const,
        }))
      : [{ at: placeOf(root, issue.path) || root, message: issue.message, code: 'document-invalid' as const }],
  )
}

export type Placed<T> = { readonly at: string; readonly value: T }

/** The documents that are valid, and the faults of those that are not. */
export function readDocuments(values: readonly unknown[]): {
  readonly documents: Placed<Document>[]
  readonly faults: DocumentFault[]
} {
  const documents: Placed<Document>[] = []
  const faults: DocumentFault[] = []
  const seen = new Map<string, string>()
  for (const [index, value] of values.entries()) {
    const at = `documents[${index}]`
    const parsed = resourceDocument.safeParse(value)
    if (!parsed.success) {
      faults.push(...faultsOf(at, parsed.error))
      continue
    }
    const key = `${parsed.data.kind} ${parsed.data.name}`
    const earlier = seen.get(key)
    if (earlier !== undefined)
      faults.push({ at: `${at}.name`, message: `${key} is already at ${earlier}`, code: 'document-invalid' })
    else seen.set(key, at)
    // zod's type of the union does not keep kind and spec together; its check did.
    documents.push({ at, value: parsed.data as Document })
  }
  return { documents, faults }
}
