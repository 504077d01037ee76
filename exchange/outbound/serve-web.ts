// HOT PATH. One request of a known session to a site of the internet: decision, event, inspection, forwarding. Must never
// send on what was not decided, nor an upload whose verdict policy wants and does not have.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import { hardClose } from '#transport/hard-close.ts'
import { forward, type ForwardEnd, type ForwardHead } from '#transport/http-forward.ts'
import type { ResponseScan } from '#transport/response-scan.ts'
import { checkHead, limitAnswer, limitedRequest, limitsFor, type LimitDeps } from '#exchange/http/limit-answer.ts'
import { isOwnPath, refuseMethod } from '#exchange/http/refusal.ts'
import { forbidsDownloads } from '#exchange/graded-answers.ts'
import { policyNames } from '#exchange/inspect.ts'
import type { AnyRequest, AnyResponse } from '#exchange/pages/answer.ts'
import { answerStop } from './answer-stop.ts'
import { bodyMeta } from './body-meta.ts'
import { caps } from './caps.ts'
import { connectLane, learnClientCertificate } from './connect-lane.ts'
import { receiveContinue } from './continue.ts'
import { createDecideRequest, type Decided } from './decide-request.ts'
import { holdUpload, type HeldUpload } from './hold-upload.ts'
import { notMasked } from './mask-upload.ts'
import type { PageVerdict } from './content-tools.ts'
import type { OutboundParts } from './parts.ts'
import { charsetOf, isPage, scanPage } from './scan-page.ts'
import { createServeUpgrade } from './serve-upgrade.ts'
import { createShares } from './shares.ts'
import { createJudge, onlyAPart, scanDownload, unavailable, type Judge, type Judgement } from './scan.ts'
import { faultOfStop, reasonOfStop, stopOfFault, verdictTopic, type Stop } from './stop.ts'
import { languageFor, words } from './pages/words.ts'
import { NEWLY_SEEN } from './web-access.ts'
import { isDownload, isEndlessUpload, isStream, isUpload, webRequestFields, webResponseFields } from './web-headers.ts'
import { authorityOf, hasBody, pathOf, type WebRequest } from './web-request.ts'

export type ServeWeb = {
  /** Resolves when the request is over. Throws Faults while nothing was answered. */
  readonly request: (request: AnyRequest, response: AnyResponse, wanted: WebRequest) => Promise<void>
  readonly upgrade: (request: IncomingMessage, socket: Socket, first: Buffer, wanted: WebRequest) => Promise<void>
}

const limitDeps: LimitDeps = { faultOf: (reason) => faultOfStop({ kind: 'denied', reason }) }
const PARTIAL_CONTENT = 206
const CANCEL = 0x8

export function createServeWeb(parts: OutboundParts): ServeWeb {
  const { context } = parts
  const decideRequest = createDecideRequest(parts)
  /** Downloads whose end is held at the moment. */
  const held = createShares(
    { total: caps.heldDownloads.default, perOwner: caps.heldDownloadsPerSession.default },
    'held downloads',
  )
  const pages = { bytes: 0 }
  const serveUpgrade = createServeUpgrade(parts, { decideRequest, judgeFor, writeVerdict })
  return { request: serveRequest, upgrade: serveUpgrade }

  async function serveRequest(request: AnyRequest, response: AnyResponse, wanted: WebRequest): Promise<void> {
    context.count('requests')
    const method = request.method ?? ''
    refuseMethod(method)
    if (isOwnPath(pathOf(wanted.target))) return receiveContinue(parts, request, response, wanted)
    const isFile = isUpload(request.headers, hasBody(request), caps.smallUploadBytes.default)
    const decided = decideRequest(wanted, method, isFile ? 'upload' : 'browse')
    const stop = (with_: Stop, eventId = decided.eventId) =>
      answerStop(parts, request, response, wanted, { stop: with_, policies: policyNames(decided.decision), eventId })
    if (decided.stop !== undefined) return stop(decided.stop)
    const lane = connectLane(parts, wanted, decided.access, request.httpVersionMajor === 2 ? 'http2' : 'http1')
    const cutting = new AbortController()
    const cut = () => {
      // The client first: what is aborted behind it may otherwise name another reason.
      if ('stream' in response) response.stream.close(CANCEL)
      else hardClose(request.socket)
      cutting.abort()
    }
    const socket = request.httpVersionMajor === 1 ? request.socket : undefined
    const end = lane.begin(
      { access: decided.access, cut, isLimited: forbidsDownloads(decided.decision) },
      socket,
      policyNames(decided.decision),
    )
    try {
      const ended = await passOn(request, response, wanted, decided, lane.dispatcher, cutting.signal)
      if (ended.kind === 'done') lane.addBytes(ended.requestBytes, ended.responseBytes)
      if (cutting.signal.aborted || (ended.kind !== 'unanswered' && ended.kind !== 'truncated')) return
      const why = stopOfFault(ended.fault)
      learnClientCertificate(parts, wanted, ended.fault)
      const eventId = writeFailure(wanted, decided, why, ended)
      if (ended.kind === 'unanswered') stop(why, eventId)
    } finally {
      end()
    }
  }

  /** Body up, answer down, each looked at where policy wants it. */
  async function passOn(
    request: AnyRequest,
    response: AnyResponse,
    wanted: WebRequest,
    decided: Decided,
    dispatcher: Parameters<typeof forward>[2]['dispatcher'],
    signal: AbortSignal,
  ): Promise<ForwardEnd> {
    const method = request.method ?? 'GET'
    const judge = judgeFor(wanted)
    let up: HeldUpload | undefined
    if (hasBody(request)) {
      try {
        up = await takeUpload(request, wanted, decided, judge, signal)
        const { stop } = up?.judgement ?? {}
        if (stop !== undefined) return { kind: 'unanswered', fault: faultOfStop(stop) }
      } catch (error) {
        return { kind: 'unanswered', fault: asFault(error) }
      }
    }
    const spool = up?.spool
    const limits = limitsFor(wanted.tenant, forbidsDownloads(decided.decision), context.now)
    let down = decided
    try {
      return await forward(request, response, {
        dispatcher,
        method,
        path: decided.target,
        headers: limitedRequest(
          webRequestFields(request.rawHeaders, {
            authority: authorityOf(wanted),
            isScanned: decided.wants.includes('malware') || decided.judgesPages,
            bodyBytes: spool?.bytes,
            isMasked: up?.judgement.masked !== undefined,
          }),
          limits,
        ),
        keepTe: request.httpVersionMajor === 2,
        ...(spool !== undefined && { body: spool.bytes > 0 ? spool.read() : null }),
        signal,
        onHead(head) {
          checkHead(head, limits, limitDeps)
          if (isDownload(head.status, head.headers)) {
            down = decideRequest(wanted, method, 'download')
            if (down.stop !== undefined) throw faultOfStop(down.stop)
          }
          return webResponseFields(head.headers)
        },
        scan: (head) => limitAnswer(limits, limitDeps, scanOf(request, wanted, down, judge, head)),
      })
    } finally {
      spool?.close()
    }
  }

  /** Holds what policy wants looked at; `undefined`: it streams through. */
  async function takeUpload(
    request: AnyRequest,
    wanted: WebRequest,
    decided: Decided,
    judge: Judge,
    signal: AbortSignal,
  ): Promise<HeldUpload | undefined> {
    const { wants, masks, promptService } = decided
    if (wants.length === 0 && !masks) return undefined
    const asked = masks && !wants.includes('dlp') ? ([...wants, 'dlp'] as const) : wants
    const meta = bodyMeta(wanted, 'upload', request.method ?? 'GET', request.headers, asked)
    if (isEndlessUpload(request.headers['content-type'])) {
      if (!masks) {
        const judgement = judge(unavailable('endless'), 'upload')
        writeVerdict(wanted, decided, judgement, 'upload')
        if (judgement.stop !== undefined) throw faultOfStop(judgement.stop)
        return undefined
      }
      // Holding it would wait for an end that may never come.
      if ((parts.inspector?.redact(meta) ?? null) === null) throw faultOfStop(notMasked('it has no end to look at'))
    }
    const up = await holdUpload(parts, request, meta, { judge, masks, isPrompt: promptService !== null }, signal)
    writeVerdict(wanted, decided, up.judgement, 'upload', promptService === null ? {} : promptFacts(decided, up))
    return up
  }

  function scanOf(
    request: AnyRequest,
    wanted: WebRequest,
    decided: Decided,
    judge: Judge,
    head: ForwardHead,
  ): ResponseScan | undefined {
    const { status, headers } = head
    if (request.method === 'HEAD' || status === 204 || status === 304) return undefined
    if (decided.wants.length === 0 && !decided.judgesPages) return undefined
    const named = Object.fromEntries(headers)
    const body =
      decided.wants.length === 0 ? undefined : scanBody(request.method ?? 'GET', wanted, decided, judge, head)
    if (!decided.judgesPages || !isPage(named['content-type'])) return body
    const { pages: tools } = parts
    if (tools === undefined) {
      const judgement = judge(unavailable(), 'download')
      writeVerdict(wanted, decided, judgement, 'download')
      if (judgement.stop === undefined) return body
      body?.abort()
      throw faultOfStop(judgement.stop)
    }
    const encoding = named['content-encoding']?.toLowerCase() ?? 'identity'
    const own = words[languageFor(wanted.tenant.webSettings?.language ?? 'auto', request.headers['accept-language'])]
    const config = {
      url: `${wanted.scheme}://${authorityOf(wanted)}${wanted.target}`,
      charset: charsetOf(named['content-type']),
      encoding: encoding === 'identity' ? null : encoding,
      brands: wanted.tenant.webSettings?.brands ?? [],
      isFirstSeen: decided.access.destination?.categories.includes(NEWLY_SEEN) === true,
      notice: { title: own.guardTitle, text: own.guardText, link: '' },
      budget: pages,
      onJudged: (...judged: Parameters<Parameters<typeof scanPage>[1]['onJudged']>) =>
        writePage(wanted, decided, ...judged),
    }
    return scanPage(tools, config, body)
  }

  function scanBody(
    method: string,
    wanted: WebRequest,
    decided: Decided,
    judge: Judge,
    { status, headers }: ForwardHead,
  ): ResponseScan | undefined {
    const named = Object.fromEntries(headers)
    // Asked for the whole, given a part: what was left out has been seen by nobody.
    const { inspector } = parts
    const part = status === PARTIAL_CONTENT ? onlyAPart() : isStream(named) ? onlyAPart('stream') : undefined
    const known = part ?? (inspector === null ? unavailable() : undefined)
    if (known !== undefined || inspector === null) {
      const judgement = judge(known ?? unavailable(), 'download')
      writeVerdict(wanted, decided, judgement, 'download')
      if (judgement.stop !== undefined) throw faultOfStop(judgement.stop)
      return undefined
    }
    const onOver = held.take(wanted.session.id)
    const inspection = inspector.open(bodyMeta(wanted, 'download', method, named, decided.wants))
    const onJudged = (judgement: Judgement) => writeVerdict(wanted, decided, judgement, 'download')
    return scanDownload(inspection, judge, onJudged, onOver)
  }

  function judgeFor({ tenant, session, host }: WebRequest): Judge {
    const settings = tenant.webSettings
    if (settings === undefined) throw new Fault('not-permitted')
    return createJudge(settings, (kind) => parts.goOns.isAllowed(session.id, host, verdictTopic(kind)))
  }

  function writeVerdict(
    { tenant }: WebRequest,
    { access, eventId }: Decided,
    { verdict, action, stop, masked }: Judgement,
    direction: 'upload' | 'download',
    more: Readonly<Record<string, unknown>> = {},
  ): void {
    const isClean = verdict.kind === 'clean'
    context.journal.found(tenant, access, {
      what:
        masked !== undefined ? 'values were masked' : isClean ? 'content was looked at' : `content is ${verdict.kind}`,
      severity: verdict.kind === 'malicious' ? 4 : isClean ? 1 : 3,
      outcome: stop === undefined ? 'success' : 'failure',
      web: {
        direction,
        verdict: verdict.kind,
        ...('reason' in verdict && { reason: verdict.reason }),
        action: stop !== undefined ? 'stopped' : masked !== undefined ? 'masked' : action,
        ...(stop?.kind === 'content' && { stoppedBecause: stop.why }),
        ...(masked !== undefined && { masked }),
        fileType: verdict.fileType,
        findings: [...new Set(verdict.findings.map(({ type }) => type))].slice(0, 20),
        unique: Object.fromEntries(Object.entries(verdict.unique).slice(0, 20)),
        bytes: verdict.bytesSeen,
        requestEvent: eventId,
        ...more,
      },
    })
  }

  function writePage(
    { tenant }: WebRequest,
    { access, eventId }: Decided,
    { verdict, score, reason, isWhole }: PageVerdict,
    action: 'pass' | 'guarded' | 'stopped',
  ): void {
    const isClean = action === 'pass'
    context.journal.found(tenant, access, {
      what: isClean ? 'a page was judged' : `a page was judged ${verdict}`,
      severity: isClean ? 1 : action === 'stopped' ? 4 : 3,
      outcome: action === 'stopped' ? 'failure' : 'success',
      web: {
        direction: 'download',
        verdict: isClean ? 'clean' : verdict,
        action,
        score,
        explanation: reason,
        isWhole,
        requestEvent: eventId,
      },
    })
  }

  /** What ended a request after it was allowed; the event that the page names. */
  function writeFailure(
    { tenant }: WebRequest,
    { access, eventId }: Decided,
    why: Stop,
    ended: Extract<ForwardEnd, { fault: Fault }>,
  ): string {
    context.log('a request to a site failed', { code: ended.fault.code, ...ended.fault.detail })
    return context.journal.found(tenant, access, {
      what: 'a request to a site did not come through',
      severity: 2,
      outcome: 'failure',
      web: { reason: reasonOfStop(why), ended: ended.kind, requestEvent: eventId },
    })
  }
}

/** That it was a prompt, and how much of one; never its text. */
function promptFacts({ promptService }: Decided, { prompt }: HeldUpload): Readonly<Record<string, unknown>> {
  if (prompt === null || prompt === undefined) return { prompt: { service: promptService, isRead: false } }
  // A name is a name: else it would be a way to put text into the journal.
  const model = /^[\w.:/@-]{1,80}$/.test(prompt.model ?? '') ? prompt.model : null
  return { prompt: { service: prompt.service, isRead: true, model, texts: prompt.prompts.length } }
}
