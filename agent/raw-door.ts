// A local port that leads to one port of one app, byte for byte. Must never pass on what a web page made the person's
// own browser send: the first bytes of a program are looked at before they go on.
import type { Socket } from 'node:net'
import { asFault, Fault } from '#core/fault.ts'
import { hardClose } from '#transport/hard-close.ts'
import { rawDenial } from './denial-page.ts'
import { denialOfFault, type FlowOpener } from './flow-opener.ts'
import type { Target } from './target.ts'
import { readFirstBytes, strangeRequest, type OwnNames } from './web-guard.ts'

export type RawDoorConfig = {
  readonly door: string
  readonly target: Target
  /** What `Host` may say when the bytes are HTTP. */
  readonly names: OwnNames
  /** `false`: names lead here, so pages of other sites may link and fetch as on any web site; only Host is looked at. */
  readonly isLoopback: boolean
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export async function serveRaw(local: Socket, config: RawDoorConfig, opener: FlowOpener): Promise<void> {
  const { target, door, log } = config
  const opened = await opener.open(target.host, target.port, door)
  if (opened.kind === 'refused') return sayDenial(local, rawDenial(opened.denial, undefined))
  const flow = opened.socket
  if (local.destroyed) return void flow.destroy()
  try {
    // The app may speak first (ssh, mail): its bytes pass while we wait for the program's.
    await firstBytesChecked(local, flow, config)
  } catch (error) {
    const fault = asFault(error)
    log('refused what looks like a web page', { door, host: target.host, port: target.port, code: fault.code })
    flow.destroy()
    return sayDenial(local, rawDenial(denialOfFault(fault), undefined))
  }
  opener.join(local, flow, target)
}

/** A program that has sent nothing yet and speaks HTTP can read this; any other sees a closed connection. */
function sayDenial(local: Socket, text: string): void {
  const first: unknown = local.read()
  const isHttp = first instanceof Buffer && readSafely(first) === 'http'
  if (isHttp) local.end(text)
  else hardClose(local)
  local.resume()
}

function readSafely(first: Buffer): string {
  try {
    return readFirstBytes(first).kind
  } catch {
    return 'malformed'
  }
}

function firstBytesChecked(local: Socket, flow: Socket, config: RawDoorConfig): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let held = Buffer.alloc(0)
  const onFlowData = (chunk: Buffer) => {
    if (!local.write(chunk)) flow.pause()
  }
  const onDrain = () => flow.resume()
  const settle = () => {
    local.off('data', onData).off('end', onEnd).off('close', onClose).off('drain', onDrain)
    flow.off('data', onFlowData).off('close', onClose).off('end', onEnd)
    local.pause()
    flow.pause()
  }
  const pass = () => {
    settle()
    if (held.length > 0) local.unshift(held)
    resolve()
  }
  const onData = (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    try {
      const first = readFirstBytes(held)
      if (first.kind === 'more') return
      const strange = first.kind === 'http' ? strangeness(first.headers, config) : undefined
      if (strange === undefined) return pass()
      settle()
      local.unshift(held)
      reject(denied(strange))
    } catch (error) {
      settle()
      reject(asFault(error))
    }
  }
  // Whoever ends first: nothing more is to be looked at, the relay does the rest.
  const onEnd = () => pass()
  const onClose = () => pass()
  local.on('data', onData).on('end', onEnd).on('close', onClose).on('drain', onDrain)
  flow.on('data', onFlowData).on('end', onEnd).on('close', onClose)
  // Both were paused on purpose: listening alone does not start them again.
  local.resume()
  flow.resume()
  return promise
}

function strangeness(headers: Parameters<typeof strangeRequest>[0], config: RawDoorConfig): string | undefined {
  if (config.isLoopback) return strangeRequest(headers, config.names)
  const host = headers.host?.toLowerCase()
  return host !== undefined && config.names.has(host) ? undefined : 'host'
}

function denied(why: string) {
  return new Fault('origin-mismatch', { detail: { why } })
}
