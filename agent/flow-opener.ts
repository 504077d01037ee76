// What the local doors need: a connection to an app by name and port, or why there is none.
import type { Socket } from 'node:net'
import type { Denial } from '#core/wire/flow.ts'
import { Fault } from '#core/fault.ts'
import type { OpenedFlow } from './open-flow.ts'

export type FlowOpener = {
  /** Never throws: what went wrong is a denial too. */
  readonly open: (host: string, port: number, door: string) => Promise<OpenedFlow>
  /** Relays until one side ends, and says why a live flow was cut. */
  readonly join: (local: Socket, flow: Socket, facts: { readonly host: string; readonly port: number }) => void
}

/** A denial on its way through code that speaks in faults. */
export function faultOfDenial(denial: Denial): Fault {
  return new Fault('not-permitted', { detail: { denial } })
}

export function denialOfFault(fault: Fault): Denial {
  const { denial } = fault.detail
  if (isDenial(denial)) return denial
  return { reason: fault.code, message: fault.message, advice: adviceFor(fault), requestAccessUrl: null }
}

/** Whether somebody said no, rather than something being broken. */
export function isRefusal({ reason }: Denial): boolean {
  return !brokenReasons.has(reason)
}

const brokenReasons = new Set([
  'unknown-app',
  'no-connector',
  'control-unreachable',
  'exchange-unreachable',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-malformed',
  'wire-malformed',
  'ticket-refused',
  'closing',
  'at-capacity',
  'internal',
])

function isDenial(value: unknown): value is Denial {
  return typeof value === 'object' && value !== null && 'reason' in value && 'advice' in value
}

function adviceFor({ code }: Fault): string {
  if (code === 'control-unreachable' || code === 'exchange-unreachable')
    return 'Check the network; the agent tries again by itself.'
  if (code === 'upstream-unreachable' || code === 'upstream-timeout')
    return 'Tell the owner of the app that it is down.'
  if (code === 'certificate-refused') return 'Do not go on: tell your administrator.'
  return 'Try again; if it stays so, tell your administrator.'
}
