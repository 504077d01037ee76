// Holds an upload until its verdict: nothing of it leaves before. Values may be masked on the way where the tenant wants
// that. Must never send on a byte that was not looked at, nor wait for a sender without end.
import type { Readable } from 'node:stream'
import type { BodyMeta, PromptFound, Verdict } from '#core/inspection/verdict.ts'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import { maskUpload } from './mask-upload.ts'
import type { OutboundParts } from './parts.ts'
import { unavailable, type Judge, type Judgement } from './scan.ts'
import type { Spool } from './spool.ts'

export type HeldUpload = {
  readonly spool: Spool
  readonly judgement: Judgement
  /** Set when it was a prompt that could be read. */
  readonly prompt?: PromptFound | null
}

export type UploadWants = {
  readonly judge: Judge
  /** Sensitive values are masked rather than stopped. */
  readonly masks: boolean
  /** Its address takes prompts. */
  readonly isPrompt: boolean
}

/** Throws Faults `request-too-large`, `request-timeout`, `closing`; the spool of a stopped upload is closed. */
export async function holdUpload(
  { spools, inspector, prompts }: OutboundParts,
  request: Readable,
  meta: BodyMeta,
  { judge, masks, isPrompt }: UploadWants,
  signal: AbortSignal,
): Promise<HeldUpload> {
  const spool = spools.open()
  const inspection = inspector?.open(meta)
  const readable: Buffer[] = []
  const onAbort = () => request.destroy(new Fault('closing'))
  const idle = setTimeout(() => request.destroy(new Fault('request-timeout')), caps.uploadIdleMs.default)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    // Left early, the request must stay: behind it the person waits for an answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      idle.refresh()
      if (inspection?.push(chunk) === false) await inspection.drained()
      await spool.write(chunk)
      if (isPrompt && spool.bytes <= caps.promptBytes.default) readable.push(chunk)
      const early = inspection?.decided() ?? null
      if (early === null) continue
      const judgement = judge(early, 'upload')
      // What is bad already need not be waited for.
      if (judgement.stop !== undefined) return stopped(judgement)
    }
    clearTimeout(idle)
    const judgement = judge((await inspection?.end()) ?? unavailable(), 'upload')
    const prompt = isPrompt && spool.bytes <= caps.promptBytes.default ? readPrompt() : null
    if (inspector !== null && masks && isToMask(judgement))
      return { ...(await maskUpload(inspector, spools, spool, meta, judge, judgement.verdict)), prompt }
    return { ...(judgement.stop === undefined ? { spool, judgement } : stopped(judgement)), prompt }
  } catch (error) {
    spool.close()
    inspection?.abort()
    throw error instanceof Fault ? error : new Fault('request-malformed', { cause: error })
  } finally {
    clearTimeout(idle)
    signal.removeEventListener('abort', onAbort)
  }

  function readPrompt(): PromptFound | null {
    return prompts?.read(meta, Buffer.concat(readable)) ?? null
  }

  function stopped(judgement: Judgement): HeldUpload {
    request.resume()
    spool.close()
    inspection?.abort()
    return { spool, judgement }
  }
}

/** Also beneath a malicious verdict that the tenant lets pass. */
function isToMask({ verdict, stop }: Judgement): boolean {
  return verdict.kind === 'sensitive' || (verdict.kind === 'malicious' && stop === undefined && hasValues(verdict))
}

function hasValues({ findings }: Verdict): boolean {
  return findings.some(({ inspector }) => inspector === 'dlp')
}
