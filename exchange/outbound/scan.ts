// Step 4 of 6 on the way to the internet: gives bodies to the inspectors and turns their verdicts into what happens.
// Must never let a body go on whose verdict is not in, nor take a missing inspector for a clean verdict.
import type { BodyMeta, Gap, Inspection, PartialReason, UnscannableReason, Verdict } from '#core/inspection/verdict.ts'
import { HeldTail } from '#core/inspection/held-tail.ts'
import type { VerdictAction, WebSettings } from '#core/records/outbound.ts'
import type { ResponseScan, ScanStop } from '#transport/response-scan.ts'
import { caps } from './caps.ts'
import { faultOfStop, type Stop, type VerdictKind } from './stop.ts'

export type Judgement = {
  readonly verdict: Verdict
  /** What the tenant wants for it; `clean` passes. */
  readonly action: VerdictAction
  /** Set: it goes no further. */
  readonly stop: Stop | undefined
  /** How many values were masked before it went on. */
  readonly masked?: number
}

export type Judge = (verdict: Verdict, direction: BodyMeta['direction']) => Judgement

/** `isExcused`: whether the person has given a reason for this kind of verdict on this site. */
export function createJudge(settings: WebSettings, isExcused: (kind: VerdictKind) => boolean): Judge {
  return (verdict, direction) => {
    const kinds = kindsIn(verdict)
    let action: VerdictAction = 'pass'
    let stop: Stop | undefined
    for (const kind of kinds) {
      const wanted = settings.verdicts[kind]
      if (strictness[wanted] > strictness[action]) action = wanted
      const isStopped = wanted === 'block' || (wanted === 'coach' && !isExcused(kind))
      // The first that nobody can go on from counts; else the first that asks.
      if (isStopped && (stop === undefined || (stop.kind === 'content' && stop.mayGoOn && wanted === 'block'))) {
        stop = { kind: 'content', verdict: kind, direction, why: whyOf(verdict, kind), mayGoOn: wanted === 'coach' }
      }
    }
    return { verdict, action, stop }
  }
}

const strictness: Readonly<Record<VerdictAction, number>> = { pass: 0, alert: 1, coach: 2, block: 3 }

/** The verdict and what it hides. */
function kindsIn(verdict: Verdict): readonly VerdictKind[] {
  if (verdict.kind === 'clean') return []
  return [...new Set<VerdictKind>([verdict.kind, ...verdict.gaps.map(({ kind }) => kind)])]
}

function whyOf(verdict: Verdict, kind: VerdictKind): readonly string[] {
  if (kind === 'malicious' || kind === 'sensitive') return withTypes(verdict)
  const gaps: readonly Gap[] = verdict.kind === 'clean' ? [] : verdict.gaps
  const own = verdict.kind === kind && 'reason' in verdict ? [verdict.reason] : []
  return [...new Set([...own, ...gaps.filter((gap) => gap.kind === kind).map(({ reason }) => reason)])].slice(0, 8)
}

/** What was found, in our own words. */
export function withTypes({ findings }: Verdict): readonly string[] {
  return [...new Set(findings.map(({ type, label }) => label ?? type))].slice(0, 8)
}

/** The verdict when policy asks for an inspection that is not there, or that cannot be made. */
export function unavailable(reason: UnscannableReason = 'inspector-unavailable'): Verdict {
  return { kind: 'unscannable', reason, gaps: [], fileType: 'unknown', findings: [], unique: {}, bytesSeen: 0 }
}

/** A verdict about a body of which only a part came by, or that cannot be held. */
export function onlyAPart(reason: PartialReason = 'bytes'): Verdict {
  return { kind: 'partial', reason, gaps: [], fileType: 'unknown', findings: [], unique: {}, bytesSeen: 0 }
}

/** A download under inspection: all but its tail streams through, the tail waits for the verdict. */
export function scanDownload(
  inspection: Inspection,
  judge: Judge,
  onJudged: (judgement: Judgement) => void,
  /** Called once, when nothing is held any more. */
  onOver: () => void,
): ResponseScan {
  const tail = new HeldTail(caps.heldBytes.default)
  let stopped: ScanStop | undefined
  let isFull = false
  let isOver = false

  return {
    patienceMs: caps.patienceMs.default,
    push(chunk) {
      if (isOver) return []
      isFull = !inspection.push(chunk)
      const early = inspection.decided()
      // One that the tenant lets pass is no reason to stop looking.
      if (early !== null && judge(early, 'download').stop !== undefined) conclude(early)
      return isOver ? [] : tail.push(chunk)
    },
    ready: () => (isFull && !isOver ? inspection.drained() : undefined),
    stopped: () => stopped,
    async end() {
      if (stopped !== undefined) return stopped
      const verdict = await inspection.end()
      // The person may have gone while the verdict was made.
      if (!isOver) conclude(verdict)
      return stopped ?? { kind: 'pass', rest: tail.release() }
    },
    abort() {
      if (isOver) return
      isOver = true
      onOver()
      inspection.abort()
      tail.drop()
    },
  }

  function conclude(verdict: Verdict): void {
    const judgement = judge(verdict, 'download')
    onJudged(judgement)
    isOver = true
    onOver()
    if (judgement.stop === undefined) return
    tail.drop()
    inspection.abort()
    stopped = { kind: 'stop', fault: faultOfStop(judgement.stop) }
  }
}
