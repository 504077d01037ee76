// Brings the journal to control over the feed, with acknowledgements. Must never let an event go before control has it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Journal } from '#journal/journal.ts'
import { startShipper, type Shipper } from '#journal/ship.ts'
import { decodeAnswer, encodeBatch } from '#journal/shipment.ts'
import { Fault } from '#core/fault.ts'
import type { Feed } from './feed.ts'

export type Shipping = {
  readonly onAck: (ack: unknown) => void
  readonly reconnected: () => void
  readonly close: () => Promise<void>
}

/** `batch` on the wire is base64 of the shipment's own form, `ack` its text or the same as an object. */
export function startShipping(journal: Journal, feed: () => Feed): Shipping {
  const shipper: Shipper = startShipper(
    { removeAcknowledged: true },
    {
      journal,
      async send(batch, signal) {
        const connection = feed()
        if (!connection.isConnected) throw new Fault('control-unreachable')
        const isRoomLeft = connection.tell({
          type: 'journal',
          batch: Buffer.from(encodeBatch(batch)).toString('base64'),
        })
        if (isRoomLeft) return
        if (!connection.isConnected) throw new Fault('control-unreachable')
        await Promise.race([connection.drained(), delay(60_000, undefined, { signal, ref: false })])
      },
    },
  )
  return {
    onAck(ack) {
      shipper.receive(decodeAnswer(typeof ack === 'string' ? ack : JSON.stringify(ack)))
    },
    reconnected: () => shipper.reconnected(),
    close: () => shipper.close(),
  }
}
