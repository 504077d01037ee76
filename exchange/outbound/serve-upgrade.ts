// A request of a known session that becomes a WebSocket: decided as a request, held as a flow, and, where policy wants
// bodies looked at, looked into message by message. Must never relay a message that waits for its verdict.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Fault } from '#core/fault.ts'
import type { BodyMeta, Inspector } from '#core/inspection/verdict.ts'
import type { HeaderField } from '#transport/forward-headers.ts'
import { forwardUpgrade } from '#transport/upgrade-forward.ts'
import { startUpstream } from '#transport/upstream.ts'
import { WebSocketFlow } from '#exchange/flows/web-socket-flow.ts'
import { refuseMethod } from '#exchange/http/refusal.ts'
import { policyNames } from '#exchange/inspect.ts'
import { answerStopRaw } from './answer-stop.ts'
import { bodyMeta } from './body-meta.ts'
import { connectSite } from './connect-lane.ts'
import type { Decided, DecideRequest } from './decide-request.ts'
import { notMasked } from './mask-upload.ts'
import type { OutboundParts } from './parts.ts'
import type { ServeWeb } from './serve-web.ts'
import { unavailable, type Judge, type Judgement } from './scan.ts'
import { reasonOfStop, stopOfFault, type Stop } from './stop.ts'
import { webRequestFields, webResponseFields } from './web-headers.ts'
import { authorityOf, type WebRequest } from './web-request.ts'
import { lookInto, type MessageDirection } from './web-socket/looked-into.ts'

type Deps = {
  readonly decideRequest: DecideRequest
  readonly judgeFor: (wanted: WebRequest) => Judge
  readonly writeVerdict: (
    wanted: WebRequest,
    decided: Decided,
    judgement: Judgement,
    direction: MessageDirection,
    more?: Readonly<Record<string, unknown>>,
  ) => void
}

export function createServeUpgrade(
  parts: OutboundParts,
  { decideRequest, judgeFor, writeVerdict }: Deps,
): ServeWeb['upgrade'] {
  const { context } = parts

  return async (request, socket, first, wanted) => {
    context.count('requests')
    refuseMethod(request.method ?? '')
    const decided = decideRequest(wanted, request.method ?? '', 'browse', true)
    const policies = policyNames(decided.decision)
    const refuse = (stop: Stop) => answerStopRaw(parts, socket, wanted, { stop, policies, eventId: decided.eventId })
    if (decided.stop !== undefined) return refuse(decided.stop)
    const isLookedInto = decided.wants.length > 0 || decided.masks
    const { inspector } = parts
    let between: ((site: Socket) => Duplex) | undefined
    const messages = { upload: 0, download: 0 }
    if (isLookedInto && inspector === null) {
      const judgement = judgeFor(wanted)(unavailable(), 'upload')
      writeVerdict(wanted, decided, judgement, 'upload')
      if (judgement.stop !== undefined) return refuse(judgement.stop)
    } else if (isLookedInto && inspector !== null) {
      between = (site) => lookInto(site, looking(inspector, request, wanted, decided), messages)
    }
    // A socket of its own: an upgraded connection never goes back to a pool.
    const dispatcher = startUpstream(
      { origin: 'http://site.invalid', maxConnections: 1 },
      { connect: () => connectSite(parts, wanted, decided.access, 'http1') },
    )
    const flow = new WebSocketFlow(context, wanted.tenant, decided.access, policies, socket)
    const end = (reason: string) => {
      flow.end(reason)
      if (between !== undefined) writeMessages(wanted, decided, messages)
      dispatcher.destroy(new Fault('closing')).catch(() => undefined)
    }
    const authority = authorityOf(wanted)
    const headers = webRequestFields(request.rawHeaders, { authority, isScanned: false, bodyBytes: undefined })
    const result = await forwardUpgrade(request, socket, first, {
      dispatcher,
      path: decided.target,
      headers: between === undefined ? headers : headers.filter(isNoExtension),
      signal: flow.signal,
      onHead: ({ headers: fields }) => webResponseFields(fields),
      onEnd: (ended) => end(ended.kind === 'cut' ? ended.reason : ended.kind),
      between,
    })
    if (result.kind === 'relaying') return flow.began(result.relay)
    end(result.kind)
    if (result.kind === 'refused') refuse(stopOfFault(result.fault))
  }

  function looking(inspector: Inspector, request: IncomingMessage, wanted: WebRequest, decided: Decided) {
    const judge = judgeFor(wanted)
    const wants: BodyMeta['wanted'] =
      decided.masks && !decided.wants.includes('dlp') ? [...decided.wants, 'dlp'] : decided.wants
    return async (message: Buffer, isText: boolean, direction: MessageDirection): Promise<string | undefined> => {
      const type = isText
        ? /^\s*[[{]/.test(message.toString('latin1', 0, 64))
          ? 'application/json'
          : 'text/plain'
        : null
      const said = { 'content-length': String(message.length), ...(type !== null && { 'content-type': type }) }
      const inspection = inspector.open(bodyMeta(wanted, direction, request.method ?? 'GET', said, wants))
      if (!inspection.push(message)) await inspection.drained()
      const judged = judge(await inspection.end(), direction)
      const isUnmasked = decided.masks && direction === 'upload' && judged.verdict.kind === 'sensitive'
      // What should have been masked cannot be: the length of a message is part of its frame.
      const judgement = isUnmasked
        ? { ...judged, stop: notMasked('it is a message of a WebSocket', judged.verdict) }
        : judged
      const { stop, verdict } = judgement
      if (verdict.kind !== 'clean') writeVerdict(wanted, decided, judgement, direction, { webSocket: true })
      return stop === undefined ? undefined : reasonOfStop(stop)
    }
  }

  /** One event for all the messages in which nothing was found. */
  function writeMessages(
    { tenant }: WebRequest,
    { access, eventId }: Decided,
    messages: { upload: number; download: number },
  ) {
    context.journal.found(tenant, access, {
      what: 'messages of a WebSocket were looked at',
      severity: 1,
      outcome: 'success',
      web: { webSocket: true, messagesUp: messages.upload, messagesDown: messages.download, requestEvent: eventId },
    })
  }
}

/** Compressed messages could not be read. */
function isNoExtension([name]: HeaderField): boolean {
  return name !== 'sec-websocket-extensions'
}
