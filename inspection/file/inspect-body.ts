// A whole body of known length: decoded, walked, and the verdict put together. The worst wins and hides nothing: what could not
// be looked at stays in `gaps`.
import type { BodyMeta, Finding, Gap, Verdict } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { isSensitive } from '#inspection/detectors/catalogue.ts'
import { MALICIOUS_FROM } from '#inspection/malware/static-signs.ts'
import { Budget, type BudgetLimits } from '#inspection/unpack/budget.ts'
import { codingsOf, decode } from '#inspection/unpack/decode.ts'
import { type PartInspector, Walk } from './walk.ts'

export const defaultLimits: BudgetLimits = {
  outBytes: caps.unpackedBytes.default,
  entries: caps.entries.default,
  depth: caps.depth.default,
  ratio: caps.ratio.default,
  ratioFromBytes: caps.ratioFromBytes.default,
  timeMs: caps.timeMs.default,
}

export type BodyJob = {
  readonly bytes: Buffer
  readonly meta: Pick<BodyMeta, 'contentType' | 'contentEncoding' | 'fileName' | 'wanted'>
  readonly others?: readonly PartInspector[]
  readonly limits?: BudgetLimits
}

export async function inspectBody({ bytes, meta, others = [], limits = defaultLimits }: BodyJob): Promise<Verdict> {
  const budget = new Budget(limits, bytes.length)
  const walk = new Walk(budget, {
    isDlp: meta.wanted.includes('dlp'),
    isMalware: meta.wanted.includes('malware'),
    name: meta.fileName,
    contentType: meta.contentType,
    others,
  })
  let body: Buffer | null = bytes
  const codings = codingsOf(meta.contentEncoding)
  if (codings === null) {
    budget.unscannable('unknown-encoding')
    body = null
  } else for (const coding of codings.toReversed()) if (body !== null) body = decode(body, coding, budget)
  const type = body === null ? { name: 'unknown' } : await walk.start(body)
  return verdictOf(
    { fileType: type.name, findings: walk.findings, unique: walk.unique.counts(), bytesSeen: bytes.length },
    budget.gaps,
  )
}

const malwareInspectors = new Set(['malware', 'static', 'clamav', 'yara', 'feed'])
export const isMalicious = ({ inspector, confidence }: Finding): boolean =>
  malwareInspectors.has(inspector) && confidence >= MALICIOUS_FROM
/** A label is for policy to judge; a sign below the threshold is a finding and no more. */
export const isSecret = ({ inspector, type }: Finding): boolean =>
  inspector === 'edm' || inspector === 'idm' || inspector === 'custom' || (inspector === 'dlp' && isSensitive(type))

export function verdictOf(measured: Omit<Verdict & { kind: 'clean' }, 'kind'>, gaps: readonly Gap[]): Verdict {
  if (measured.findings.some(isMalicious)) return { kind: 'malicious', gaps, ...measured }
  if (measured.findings.some(isSecret)) return { kind: 'sensitive', gaps, ...measured }
  const blind = gaps.find((gap) => gap.kind === 'unscannable')
  if (blind !== undefined) return { kind: 'unscannable', reason: blind.reason, gaps, ...measured }
  const short = gaps.find((gap) => gap.kind === 'partial')
  if (short !== undefined) return { kind: 'partial', reason: short.reason, gaps, ...measured }
  return { kind: 'clean', ...measured }
}
