// Tickets: the random label by which an agent's second connection finds its flow. Used once, for ten seconds; never
// anything a guesser could learn from, and never more of them than the table holds.
import { randomBytes } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { sha256 } from '#transport/secret.ts'
import { caps } from '#exchange/caps.ts'

export type Tickets<T> = {
  /** A DNS label. Throws Fault `at-capacity`. */
  readonly issue: (flow: T) => string
  /** The flow of a label, once. */
  readonly redeem: (label: string) => T | undefined
  readonly count: number
  readonly close: () => void
}

type Waiting<T> = { readonly flow: T; readonly timer: NodeJS.Timeout }

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const LABEL_CHARACTERS = 32 // 160 bits
const labelPattern = /^[a-z2-7]{32}$/

export type TicketConfig = { readonly lifeMs?: number; readonly maxCount?: number }

export function createTickets<T>(onExpired: (flow: T) => void, config: TicketConfig = {}): Tickets<T> {
  const lifeMs = config.lifeMs ?? caps.ticketLifeMs.default
  const maxCount = config.maxCount ?? caps.tickets.default
  // Kept by hash: the time that a look-up takes says nothing about how much of a label was right.
  const waiting = new Map<string, Waiting<T>>()

  return {
    get count() {
      return waiting.size
    },
    issue(flow) {
      if (waiting.size >= maxCount) throw new Fault('at-capacity', { detail: { why: 'tickets' } })
      let label = ''
      for (const byte of randomBytes(LABEL_CHARACTERS)) label += alphabet[byte & 31]
      const key = keyOf(label)
      const timer = setTimeout(() => {
        waiting.delete(key)
        onExpired(flow)
      }, lifeMs)
      waiting.set(key, { flow, timer: timer.unref() })
      return label
    },
    redeem(label) {
      if (!labelPattern.test(label)) return undefined
      const key = keyOf(label)
      const found = waiting.get(key)
      if (found === undefined) return undefined
      waiting.delete(key)
      clearTimeout(found.timer)
      return found.flow
    },
    close() {
      for (const { flow, timer } of waiting.values()) {
        clearTimeout(timer)
        onExpired(flow)
      }
      waiting.clear()
    },
  }
}

function keyOf(label: string): string {
  return sha256(label).toString('latin1')
}
