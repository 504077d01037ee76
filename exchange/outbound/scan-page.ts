// Step 4 of 6 for pages: holds a page until it was judged, then passes it as it was, passes it with its password fields
// disabled and a banner, or stops it. Must never let a page go on unguarded that was not judged whole.
import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import type { HeaderField, HeaderFields } from '#transport/forward-headers.ts'
import type { ResponseScan, ScanStop } from '#transport/response-scan.ts'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'
import type { PageGuard, PageNotice, PageTools, PageVerdict, TenantBrands } from './content-tools.ts'
import { faultOfStop } from './stop.ts'

export type PageScan = {
  readonly url: string
  readonly charset: string
  /** Value of `content-encoding`; null: none. */
  readonly encoding: string | null
  readonly isFirstSeen: boolean
  readonly brands: TenantBrands
  readonly notice: PageNotice
  /** Bytes of all pages that are held; shared. */
  readonly budget: { bytes: number }
  /** Called once, unless the page is gone before. */
  readonly onJudged: (verdict: PageVerdict, action: 'pass' | 'guarded' | 'stopped') => void
}

const decoders = { gzip: promisify(gunzip), deflate: promisify(inflate), br: promisify(brotliDecompress) } as const
/** What describes the bytes as they were, and what would keep a guarded page for later. */
const ofTheBytes =
  /^(content-(length|encoding|md5|digest)|repr-digest|digest|etag|last-modified|accept-ranges|cache-control|expires)$/
const STEP_BYTES = 64 * 1024

export function scanPage(tools: PageTools, config: PageScan, inner: ResponseScan | undefined): ResponseScan {
  const { url, charset, encoding, isFirstSeen, brands, budget } = config
  const page = tools.open(url, { isFirstSeenByTenant: isFirstSeen, brands, ...(charset !== '' && { charset }) })
  let held: Uint8Array[] = []
  let heldBytes = 0
  let guard: PageGuard | undefined
  let isPassed = false
  let isHeadOut = false
  let isOver = false
  let stopped: ScanStop | undefined

  return {
    patienceMs: caps.pagePatienceMs.default,
    head(fields) {
      isHeadOut = true
      // Out before the judgement: then it is the head of a guarded page.
      return isPassed ? fields : guardedHead(fields, tools.guardHeaders)
    },
    push: (chunk) => (isOver ? [] : take(inner === undefined ? [Buffer.from(chunk)] : inner.push(chunk))),
    ready: () => inner?.ready(),
    stopped: () => stopped ?? inner?.stopped(),
    async end() {
      const end = inner === undefined ? ({ kind: 'pass', rest: [] } as const) : await inner.end()
      if (end.kind === 'stop') return end
      const last = take(end.rest)
      const rest = stopped === undefined && guard === undefined ? await judgeWhole() : last
      if (stopped !== undefined) return stopped
      const ending = guard?.end()
      release()
      return { kind: 'pass', rest: ending === undefined ? rest : [...rest, ending] }
    },
    abort() {
      isOver = true
      release()
      inner?.abort()
    },
  }

  function take(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
    const out: Uint8Array[] = []
    for (const chunk of chunks) {
      if (stopped !== undefined) return []
      if (guard !== undefined) {
        out.push(guard.push(chunk))
        continue
      }
      held.push(chunk)
      heldBytes += chunk.length
      budget.bytes += chunk.length
      if (encoding === null) page.push(chunk)
      if (budget.bytes > caps.pagesBytes.default) stop(new Fault('at-capacity', { detail: { why: 'held pages' } }))
      else if (heldBytes > caps.pageBytes.default) {
        if (encoding === null) out.push(...conclude({ ...page.end(), isWhole: false }, held))
        else refuse('The page is longer than can be judged.')
      }
    }
    return out
  }

  async function judgeWhole(): Promise<readonly Uint8Array[]> {
    const raw = held
    if (encoding === null) return conclude(page.end(), raw)
    const decode = decoders[encoding.toLowerCase().replace(/^x-/, '') as keyof typeof decoders]
    if (decode === undefined) return refuse('The page is encoded in a way that is not supported.')
    let text: Buffer
    try {
      text = await decode(Buffer.concat(raw), { maxOutputLength: caps.pageDecodedBytes.default })
    } catch {
      return refuse('The page is not encoded as it says, or grows beyond every proportion.')
    }
    for (let at = 0; at < text.length; at += STEP_BYTES) {
      page.push(text.subarray(at, at + STEP_BYTES))
      // A long page must not keep everybody waiting.
      await new Promise((done) => setImmediate(done))
      if (isOver) return []
    }
    return conclude(page.end(), raw, [text])
  }

  /** `readable` is what a guard can work on. */
  function conclude(verdict: PageVerdict, raw: readonly Uint8Array[], readable = raw): readonly Uint8Array[] {
    if (verdict.verdict === 'phishing') {
      config.onJudged(verdict, 'stopped')
      return stop(faultOfStop({ kind: 'phishing', reason: verdict.reason }))
    }
    isPassed = verdict.verdict === 'clean' && verdict.isWhole && !isHeadOut
    if (!isPassed) {
      const opened = tools.guard(config.notice, charset)
      if ('kind' in opened) return refuse(`The page cannot be guarded: ${opened.why}.`, verdict.score)
      guard = opened
    }
    config.onJudged(verdict, isPassed ? 'pass' : 'guarded')
    held = []
    const guarding = guard
    return guarding === undefined ? raw : readable.map((chunk) => guarding.push(chunk))
  }

  function refuse(reason: string, score = 0): readonly Uint8Array[] {
    config.onJudged({ verdict: 'unreadable', score, reason, isWhole: false }, 'stopped')
    return stop(faultOfStop({ kind: 'phishing', reason }))
  }

  function stop(fault: Fault): readonly Uint8Array[] {
    stopped = { kind: 'stop', fault }
    release()
    inner?.abort()
    return []
  }

  function release(): void {
    budget.bytes -= heldBytes
    heldBytes = 0
    held = []
  }
}

function guardedHead(fields: HeaderFields, guardHeaders: Readonly<Record<string, string>>): HeaderField[] {
  const kept = fields.filter(([name]) => !ofTheBytes.test(name))
  return [...kept, ...Object.entries(guardHeaders), ['cache-control', 'no-store']]
}

/** What a browser would show as a page. One without a type may be shown as anything. */
export function isPage(contentType: string | undefined): boolean {
  return contentType === undefined || /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(contentType)
}

export function charsetOf(contentType: string | undefined): string {
  return /;\s*charset\s*=\s*"?([\w-]{1,40})/i.exec(contentType ?? '')?.[1]?.toLowerCase() ?? ''
}
