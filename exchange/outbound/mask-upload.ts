// Masks the sensitive values of a held upload and looks at the result again: what leaves is what was found clean. Must
// never let a body go on in which values were found and not masked.
import { Fault } from '#core/fault.ts'
import type { BodyMeta, Inspector, Redaction, Verdict } from '#core/inspection/verdict.ts'
import { withTypes, type Judge, type Judgement } from './scan.ts'
import type { Spool, Spools } from './spool.ts'
import type { Stop } from './stop.ts'

export type Masked = { readonly spool: Spool; readonly judgement: Judgement }

/** Takes `spool`: it is read and closed, and another one takes its place. */
export async function maskUpload(
  inspector: Inspector,
  spools: Spools,
  spool: Spool,
  meta: BodyMeta,
  judge: Judge,
  found: Verdict,
): Promise<Masked> {
  const redaction = inspector.redact(meta)
  if (redaction === null) return stopped('it is encoded, or of a kind that cannot be masked')
  const out = spools.open()
  const again = inspector.open(meta)
  try {
    const masked = await pump(spool, redaction, async (bytes) => {
      if (bytes.length === 0) return
      if (!again.push(bytes)) await again.drained()
      await out.write(bytes)
    })
    const judgement = judge(await again.end(), 'upload')
    // Found once more after masking: it stands where masking cannot reach, in an encoded part or in a name.
    if (judgement.verdict.kind === 'sensitive') return release('it stands where it cannot be masked')
    if (judgement.stop !== undefined) {
      out.close()
      return { spool: out, judgement }
    }
    return { spool: out, judgement: { ...judgement, verdict: found, masked } }
  } catch (error) {
    return release(error instanceof Fault ? `masking failed: ${error.code}` : 'masking failed')
  } finally {
    redaction.abort()
    again.abort()
    spool.close()
  }

  function release(why: string): Masked {
    out.close()
    return stopped(why)
  }

  function stopped(why: string): Masked {
    spool.close()
    return { spool, judgement: { verdict: found, action: 'block', stop: notMasked(why, found) } }
  }
}

/** Nobody may go on from it: policy wants it masked or not at all. */
export function notMasked(why: string, found?: Verdict): Stop {
  const types = found === undefined ? [] : withTypes(found)
  const verdict = found === undefined ? 'unscannable' : 'sensitive'
  return { kind: 'content', verdict, direction: 'upload', why: [...types, `not masked: ${why}`], mayGoOn: false }
}

async function pump(spool: Spool, redaction: Redaction, put: (bytes: Uint8Array) => Promise<void>): Promise<number> {
  for await (const chunk of spool.read() as AsyncIterable<Buffer>) await put(redaction.push(chunk))
  const { rest, masked } = await redaction.end()
  await put(rest)
  return masked
}
