// Holds an answer to what is allowed while downloads are not, and keeps back the end of a contained file. Must never let
// the last byte of a contained file leave, whoever else looks at the body.
import { createHash } from 'node:crypto'
import { HeldTail } from '#core/inspection/held-tail.ts'
import type { DenyReason } from '#core/policy/decide.ts'
import type { Fault } from '#core/fault.ts'
import type { HeaderField, HeaderFields } from '#transport/forward-headers.ts'
import type { ResponseScan, ScanStop } from '#transport/response-scan.ts'
import { caps } from '#exchange/caps.ts'
import { isDownload } from '#exchange/outbound/web-headers.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

export type AnswerLimits = {
  /** Files and more than a page's worth are refused. */
  readonly forbidsDownloads: boolean
  /** Whether a file with this SHA-256 is contained; `undefined`: none is, and nothing is hashed. */
  readonly isContained: ((sha256Hex: string) => boolean) | undefined
}

export type LimitDeps = { readonly faultOf: (reason: Extract<DenyReason, 'restricted' | 'contained'>) => Fault }

export function limitsFor(tenant: Tenant, forbidsDownloads: boolean, nowMs: () => number): AnswerLimits {
  const isContained = (hash: string) =>
    [...tenant.contained.on('hash', hash)].some(({ expiresAtMs }) => expiresAtMs > nowMs())
  return { forbidsDownloads, isContained: tenant.contained.has('hash') ? isContained : undefined }
}

/**
 * Parts of a file would get by a limit of bytes one after the other, and a part or a packed file has another hash: whole
 * answers are asked for, and plain ones while files are contained.
 */
export function limitedRequest(
  fields: readonly HeaderField[],
  { forbidsDownloads, isContained }: AnswerLimits,
): HeaderField[] {
  if (!forbidsDownloads && isContained === undefined) return [...fields]
  const whole = fields.filter(([name]) => name !== 'range' && name !== 'if-range')
  if (isContained === undefined) return whole
  return [...whole.filter(([name]) => name !== 'accept-encoding'), ['accept-encoding', 'identity']]
}

/** Throws what `faultOf` gives when the head alone says that it is too much. */
export function checkHead(
  head: { readonly status: number; readonly headers: HeaderFields },
  { forbidsDownloads, isContained }: AnswerLimits,
  { faultOf }: LimitDeps,
): void {
  // What was asked for does not bind whoever answers.
  if (isContained !== undefined && (head.status === 206 || isPacked(head))) throw faultOf('contained')
  if (!forbidsDownloads) return
  const length = Number(head.headers.find(([name]) => name === 'content-length')?.[1] ?? 0)
  if (isDownload(head.status, head.headers) || length > caps.pageBytes.default) throw faultOf('restricted')
}

/** A 304 names the packing of what the person has already, and brings nothing. */
function isPacked({ status, headers }: { readonly status: number; readonly headers: HeaderFields }): boolean {
  if (status === 304) return false
  return headers.some(([name, value]) => name === 'content-encoding' && !/^\s*(identity\s*)?$/i.test(value))
}

/** `inner` looks at the body as well; `undefined`: nothing has to be looked at. */
export function limitAnswer(
  limits: AnswerLimits,
  { faultOf }: LimitDeps,
  inner: ResponseScan | undefined,
): ResponseScan | undefined {
  const { forbidsDownloads, isContained } = limits
  if (!forbidsDownloads && isContained === undefined) return inner
  const hash = isContained === undefined ? undefined : createHash('sha256')
  const tail = new HeldTail(caps.containedTailBytes.default)
  let bytes = 0
  let stopped: ScanStop | undefined

  const stop = (reason: Parameters<typeof faultOf>[0]): ScanStop => {
    tail.drop()
    inner?.abort()
    return (stopped = { kind: 'stop', fault: faultOf(reason) })
  }
  const held = (chunks: readonly Uint8Array[]) =>
    hash === undefined ? chunks : chunks.flatMap((chunk) => [...tail.push(chunk)])

  return {
    patienceMs: inner?.patienceMs ?? caps.containedPatienceMs.default,
    head: (fields) => inner?.head?.(fields) ?? fields,
    push(chunk) {
      if (stopped !== undefined) return []
      bytes += chunk.length
      if (forbidsDownloads && bytes > caps.pageBytes.default) {
        stop('restricted')
        return []
      }
      hash?.update(chunk)
      return held(inner === undefined ? [chunk] : inner.push(chunk))
    },
    ready: () => inner?.ready(),
    stopped: () => stopped ?? inner?.stopped(),
    async end() {
      if (stopped !== undefined) return stopped
      if (hash !== undefined && isContained?.(hash.digest('hex')) === true) return stop('contained')
      const ended = inner === undefined ? ({ kind: 'pass', rest: [] } as const) : await inner.end()
      if (ended.kind === 'stop') return ended
      return { kind: 'pass', rest: [...held(ended.rest), ...tail.release()] }
    },
    abort() {
      inner?.abort()
      tail.drop()
    },
  }
}
