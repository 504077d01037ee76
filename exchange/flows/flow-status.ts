// The first line inside a flow: whether the connector reached the app. Must never let a byte of it, or after it, get lost
// or pass for the app's.
import type { TLSSocket } from 'node:tls'
import { flowStatus, MAX_FLOW_STATUS_BYTES } from '#core/wire/link.ts'
import { Fault, faultTable, type FaultCode } from '#core/fault.ts'
import { readPrefix } from '#transport/read-prefix.ts'
import { caps } from '#exchange/caps.ts'

const LINE_FEED = 10

/** Resolves once the app's bytes may follow; throws the fault that the connector reports. */
export async function readFlowStatus(socket: TLSSocket, signal?: AbortSignal): Promise<void> {
  let held = Buffer.alloc(0)
  const { line, rest } = await readPrefix(
    socket,
    (chunk) => {
      held = Buffer.concat([held, chunk])
      const at = held.indexOf(LINE_FEED)
      if (at < 0 && held.length >= MAX_FLOW_STATUS_BYTES) throw malformed('too long')
      if (at >= MAX_FLOW_STATUS_BYTES) throw malformed('too long')
      return at < 0 ? undefined : { line: held.subarray(0, at), rest: held.subarray(at + 1) }
    },
    { deadlineMs: caps.flowStatusMs.default, signal, from: 'server' },
  )
  const status = flowStatus.safeParse(parseJson(line))
  if (!status.success) throw malformed('form')
  if (status.data.status === 'failed') {
    const { code, message } = status.data
    throw new Fault(isReportable(code) ? code : 'upstream-unreachable', { detail: { code, message } })
  }
  if (rest.length > 0) socket.unshift(rest)
}

/** What a connector may say went wrong; anything else is its own affair and becomes `upstream-unreachable`. */
function isReportable(code: string): code is FaultCode {
  return Object.hasOwn(faultTable, code) && (code.startsWith('upstream-') || code === 'at-capacity')
}

function parseJson(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    throw malformed('not JSON')
  }
}

function malformed(why: string): Fault {
  return new Fault('upstream-malformed', { detail: { why: `flow status: ${why}` } })
}
