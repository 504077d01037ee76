// Fetches a revocation list from a file, or from an address by the same ways and checks as any site. Must never follow
// to another place, nor take more bytes than its cap: lists are signed, so that http will do.
import { readFile, stat } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Fault } from '#core/fault.ts'
import { caps } from '#exchange/outbound/caps.ts'
import type { Origins } from '#exchange/outbound/origin.ts'

const OK = 200

export function createListReader(origins: () => Origins): (source: string, signal: AbortSignal) => Promise<Buffer> {
  return async (source, signal) => {
    if (!/^https?:\/\//i.test(source)) {
      const { size } = await stat(source)
      if (size > caps.revocationListBytes.default) throw new Fault('request-too-large')
      return await readFile(source, { signal })
    }
    const url = new URL(source)
    const socket = await connect(origins(), url, signal)
    try {
      return await bytesOf(await get(url, socket, signal))
    } finally {
      socket.destroy()
    }
  }
}

async function connect(origins: Origins, url: URL, signal: AbortSignal): Promise<Socket> {
  const isSecure = url.protocol === 'https:'
  const site = { host: url.hostname, port: Number(url.port) || (isSecure ? 443 : 80) }
  if (!isSecure) return origins.connect(site, signal)
  const { socket, problems } = await origins.secure(site, { minVersion: 'TLSv1.2', alpn: ['http/1.1'], signal })
  if (problems === undefined) return socket
  socket.destroy()
  throw new Fault('certificate-refused', { detail: { problems: problems.problems } })
}

function get(url: URL, socket: Socket, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { host: url.host, connection: 'close' }
  httpRequest({ path: `${url.pathname}${url.search}`, headers, signal, createConnection: () => socket }, resolve)
    .once('error', reject)
    .end()
  return promise
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
  if (answer.statusCode !== OK) throw new Fault('upstream-malformed', { detail: { status: answer.statusCode } })
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    total += chunk.length
    if (total > caps.revocationListBytes.default) throw new Fault('request-too-large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
