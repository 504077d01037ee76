// The inspector that the exchange is given: takes a body as it streams by, holds what must be whole, scans long text as it
// comes, asks ClamAV beside it, and answers with one verdict. Must never throw, never wait without a deadline, and never say
// clean of what it has not seen.
import type { BodyMeta, Finding, Gap, Inspection, Inspector, Verdict } from '#core/inspection/verdict.ts'
import { Block, createSpares } from './block.ts'
import { caps } from './caps.ts'
import { boundaryOf, leadingBoundary } from './extract/mime.ts'
import { inspectBody, verdictOf } from './file/inspect-body.ts'
import { fileTypeOf } from './file/file-type.ts'
import { type ClamAddress, type ClamAnswer, type ClamScan, openClamScan } from './malware/clamav.ts'
import { openRedaction } from './redact/redaction.ts'
import { defaultPool, type PoolConfig, startWorkerPool, type TextStream } from './worker-pool.ts'

export type InspectorConfig = {
  readonly pool?: Partial<PoolConfig>
  /** Absent: no ClamAV, and nothing says there was. */
  readonly clamav?: ClamAddress
  readonly bodyBytes?: number
}

export function startInspector(config: InspectorConfig = {}): Inspector {
  const pool = startWorkerPool({ ...defaultPool, ...config.pool })
  const bodyBytes = config.bodyBytes ?? caps.bodyBytes.default
  const hasOthers = Object.keys(config.pool?.others ?? {}).length > 0
  const spares = createSpares()
  let heldTotal = 0

  /** Short plain text has no parser to fear and costs less here than on its way to a thread and back. */
  const isInline = (bytes: Buffer, meta: BodyMeta): boolean => {
    if (bytes.length > caps.inlineBytes.default || hasOthers || meta.contentEncoding !== null) return false
    const { name } = fileTypeOf(bytes)
    return (
      (name === 'text' || name === 'json') &&
      boundaryOf(meta.contentType ?? '') === null &&
      leadingBoundary(bytes) === null
    )
  }

  function open(meta: BodyMeta): Inspection {
    const held = new Block(spares, meta.contentLength ?? 0)
    let seen = 0
    let stream: TextStream | null = null
    let streaming = Promise.resolve()
    let waitingChunks = 0
    let isPast = false
    let isOver = false
    let decided: Verdict | null = null
    let answered: Promise<Verdict> | null = null
    const isText = () => meta.contentEncoding === null && fileTypeOf(held.view().subarray(0, 65_536)).kind === 'text'
    // ClamAV gets bytes as they were meant to be read; encoded ones only when the codings can be taken off first.
    let clam: ClamScan | null =
      config.clamav !== undefined && meta.wanted.includes('malware') && meta.contentEncoding === null
        ? openClamScan(config.clamav)
        : null

    const free = () => {
      heldTotal -= held.length
      held.drop()
    }
    /** Copied: the chunk is somebody else's, and what is sent to a thread is gone here. */
    const send = (given: Uint8Array) => {
      const chunk = new Uint8Array(given)
      waitingChunks++
      const to = stream
      streaming = streaming.then(async () => {
        await to?.push(chunk)
        waitingChunks--
      })
    }

    return {
      push(given) {
        if (isOver) return true
        seen += given.length
        const isClamReady = clam?.push(given) ?? true
        if (stream !== null) send(given)
        else if (!isPast) {
          held.push(given)
          heldTotal += given.length
          if (held.length > bodyBytes || heldTotal > caps.heldBytesTotal.default) {
            isPast = true
            if (meta.wanted.includes('dlp') && isText()) {
              stream = pool.openText()
              const step = caps.windowBytes.default
              for (let at = 0; at < held.length; at += step) send(held.view().subarray(at, at + step))
              free()
            }
          }
        }
        return isClamReady && waitingChunks < 4
      },
      async drained() {
        if (isOver) return
        await Promise.all([clam?.drained(), streaming])
      },
      decided: () => decided,
      end() {
        answered ??= (async () => {
          isOver = true
          const scanned = clam?.end() ?? null
          await streaming
          heldTotal -= held.length
          const bytes = held.release()
          const job = {
            contentType: meta.contentType,
            contentEncoding: meta.contentEncoding,
            fileName: meta.fileName,
            wanted: meta.wanted,
          }
          const { buffer: memory } = bytes
          let verdict =
            stream !== null
              ? await stream.end()
              : isInline(bytes, meta)
                ? await inspectBody({ bytes, meta: job })
                : await pool.run(bytes, job, spares.give)
          spares.give(memory)
          if (isPast && stream === null) verdict = withGap(verdict, { kind: 'partial', reason: 'bytes' }, seen)
          if (stream !== null && meta.wanted.includes('malware'))
            verdict = withGap(verdict, { kind: 'partial', reason: 'bytes' }, seen)
          if (scanned !== null) verdict = withClam(verdict, await scanned)
          else if (config.clamav !== undefined && meta.wanted.includes('malware'))
            verdict = withGap(verdict, { kind: 'partial', reason: 'inspector-limit' }, seen)
          if (verdict.kind === 'malicious') decided = verdict
          return verdict
        })()
        return answered
      },
      abort() {
        isOver = true
        free()
        stream?.abort()
        clam?.abort()
        clam = null
      },
    }
  }

  return { open, redact: openRedaction, close: () => pool.close() }
}

function gapsOf(verdict: Verdict): readonly Gap[] {
  return verdict.kind === 'clean' ? [] : verdict.gaps
}

function again(verdict: Verdict, findings: readonly Finding[], gaps: readonly Gap[]): Verdict {
  const { fileType, unique, bytesSeen } = verdict
  return verdictOf({ fileType, unique, bytesSeen, findings }, gaps)
}

const withGap = (verdict: Verdict, gap: Gap, bytesSeen: number): Verdict =>
  again({ ...verdict, bytesSeen }, verdict.findings, [...gapsOf(verdict), gap])

function withClam(verdict: Verdict, answer: ClamAnswer): Verdict {
  const gaps = gapsOf(verdict)
  switch (answer.kind) {
    case 'clean':
      return verdict
    case 'found':
      return again(
        verdict,
        [
          ...verdict.findings,
          { type: 'MALWARE', start: 0, end: 0, confidence: 1, inspector: 'clamav', label: answer.signature },
        ],
        gaps,
      )
    case 'limited':
      return again(verdict, verdict.findings, [...gaps, { kind: 'partial', reason: 'inspector-limit' }])
    case 'encrypted':
      return again(verdict, verdict.findings, [...gaps, { kind: 'unscannable', reason: 'encrypted' }])
    case 'failed':
      return again(verdict, verdict.findings, [
        ...gaps,
        { kind: 'unscannable', reason: answer.why === 'timeout' ? 'inspector-timeout' : 'inspector-unavailable' },
      ])
  }
}
