// Holds an upload until its verdict: nothing of it leaves before. Values may be masked on the way where the tenant wants
// that. Must never send on a byte that was not looked at, nor wait for a sender without end.
import type { Readable } from 'node:stream'
import type { BodyMeta } from '#core/inspection/verdict.ts'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import type { OutboundParts } from './parts.ts'
import { unavailable, type Judge, type Judgement } from './scan.ts'
import type { Spool } from './spool.ts'

export type HeldUpload = { readonly spool: Spool; readonly judgement: Judgement }

/** Throws Faults `request-too-large`, `request-timeout`, `closing`; the spool of a stopped upload is closed. */
export async function holdUpload(
  { spools, inspector }: OutboundParts,
  request: Readable,
  meta: BodyMeta,
  judge: Judge,
  signal: AbortSignal,
): Promise<HeldUpload> {
  const spool = spools.open()
  const inspection = inspector?.open(meta)
  const onAbort = () => request.destroy(new Fault('closing'))
  const idle = setTimeout(() => request.destroy(new Fault('request-timeout')), caps.uploadIdleMs.default)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    // Left early, the request must stay: behind it the person waits for an answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      idle.refresh()
      if (inspection?.push(chunk) === false) await inspection.drained()
      await spool.write(chunk)
      const early = inspection?.decided() ?? null
      if (early === null) continue
      const judgement = judge(early, 'upload')
      // What is bad already need not be waited for.
      if (judgement.stop !== undefined) return stopped(judgement)
    }
    clearTimeout(idle)
    const judgement = judge((await inspection?.end()) ?? unavailable(), 'upload')
    return judgement.stop === undefined ? { spool, judgement } : stopped(judgement)
  } catch (error) {
    spool.close()
    inspection?.abort()
    throw error instanceof Fault ? error : new Fault('request-malformed', { cause: error })
  } finally {
    clearTimeout(idle)
    signal.removeEventListener('abort', onAbort)
  }

  function stopped(judgement: Judgement): HeldUpload {
    request.resume()
    spool.close()
    inspection?.abort()
    return { spool, judgement }
  }
}
