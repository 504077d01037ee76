// The agent door: HTTP/1.1 over TLS with a device certificate. Origin-form requests are the agent's own questions;
// CONNECT and absolute form are its traffic. Must never serve a request before the device is checked anew.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import type { CheckedRequest } from '#transport/request-guard.ts'
import { asFault, Fault } from '#core/fault.ts'
import { checkRequestHead } from '#transport/http-strictness.ts'
import { logFault, type ExchangeContext } from '#exchange/context.ts'
import { answerFault, rawFault } from '#exchange/pages/answer.ts'
import type { AgentApi } from './agent-api.ts'
import { AgentConnections, type AgentAsker } from './agent-connection.ts'
import { createDoorServer } from './http-server.ts'
import { createHttp2Server } from './http2-server.ts'
import type { Secured } from './tls-doors.ts'

export type AgentTraffic = {
  /** Requests inside tunnels are answered, and each tunnel ends after its answer. */
  readonly drain: () => void
  readonly request: (
    request: IncomingMessage,
    response: ServerResponse,
    head: CheckedRequest,
    asker: AgentAsker,
  ) => Promise<void>
  readonly connect: (
    request: IncomingMessage,
    socket: Duplex,
    first: Buffer,
    head: CheckedRequest,
    asker: AgentAsker,
  ) => Promise<void>
}

export type AgentDoor = {
  readonly enter: (secured: Secured) => void
  readonly recheckDevice: (deviceId: string) => void
  readonly drain: () => void
  readonly close: () => void
}

export function createAgentDoor(context: ExchangeContext, api: AgentApi, traffic: AgentTraffic): AgentDoor {
  const connections = new AgentConnections(context.directory)
  const server = createDoorServer({
    onRequest(request, response, head) {
      receive(request, response, head).catch((error: unknown) => {
        const fault = asFault(error)
        logFault(context.log, 'agent door', fault)
        if (fault.code === 'certificate-refused') request.socket.destroy()
        else answerFault(request, response, fault)
      })
    },
    onUpgrade(request, socket, first, head) {
      socket.on('error', () => {})
      tunnel(request, socket, first, head).catch((error: unknown) => {
        const fault = asFault(error)
        logFault(context.log, 'agent door', fault)
        if (socket.writable && fault.code !== 'certificate-refused') socket.end(rawFault(fault))
        else socket.destroy()
      })
    },
    onRefused(reason) {
      context.count('refused')
      context.log('agent door: refused a request head', { reason })
    },
  })

  const http2 = createHttp2Server(
    (request, response, socket) => {
      receiveName(request, response, socket).catch((error: unknown) => {
        const fault = asFault(error)
        logFault(context.log, 'agent door', fault)
        if (fault.code === 'certificate-refused') request.stream.session?.destroy()
        else answerFault(request, response, fault)
      })
    },
    (reason) => {
      context.count('refused')
      context.log('agent door: refused', { reason })
    },
  )

  return {
    enter(secured) {
      try {
        connections.add(secured)
        if (secured.socket.alpnProtocol === 'h2') http2.serve(secured.socket)
        else server.serve(secured.socket)
      } catch (error) {
        const fault = asFault(error)
        context.count('refused')
        context.journal.refused(secured.tenant, {
          reason: fault.code,
          clientIp: secured.incoming.clientIp,
          host: secured.incoming.serverName,
          deviceId: typeof fault.detail['id'] === 'string' ? fault.detail['id'] : null,
        })
        logFault(context.log, 'agent door: refused a certificate', fault)
        secured.socket.destroy()
      }
    },
    recheckDevice: (deviceId) => connections.recheck(deviceId),
    drain() {
      server.drain()
      http2.drain()
    },
    close() {
      server.close()
      http2.close()
    },
  }

  async function receiveName(
    request: Http2ServerRequest,
    response: Http2ServerResponse,
    socket: TLSSocket | undefined,
  ): Promise<void> {
    const { method, url, rawHeaders, httpVersion } = request
    const head = checkRequestHead(rawHeaders, { method, url, httpVersion })
    if (!head.ok || socket === undefined) throw new Fault('request-malformed')
    await api.answerName(request, response, connections.askerOn(socket, context.now()))
  }

  async function receive(request: IncomingMessage, response: ServerResponse, head: CheckedRequest): Promise<void> {
    const asker = connections.askerOn(request.socket, context.now())
    if (context.isDraining()) response.setHeader('connection', 'close')
    const isAbsolute = request.url?.startsWith('/') !== true
    if (isAbsolute) await traffic.request(request, response, head, asker)
    else await api.answer(request, response, asker)
  }

  async function tunnel(request: IncomingMessage, socket: Duplex, first: Buffer, head: CheckedRequest): Promise<void> {
    const asker = connections.askerOn(request.socket, context.now())
    await traffic.connect(request, socket, first, head, asker)
  }
}
