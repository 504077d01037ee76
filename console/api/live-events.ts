// The one stream of live events, shared by everything on the page that listens, open only while someone does.
// Must never hold more than `caps.liveEvents`, nor draw once per event.
import { useEffect, useState } from 'react'
import { caps } from '#console/caps.ts'
import { isRecord } from './api-fault.ts'
import { addressOf, call } from './client.ts'
import { readEvent, type EventView } from './event-view.ts'

export type LiveState = 'connecting' | 'live' | 'away'
type Listener = (batch: readonly EventView[], state: LiveState) => void

class Stream {
  readonly #tenant: string
  readonly #listeners = new Set<Listener>()
  #source: EventSource | null = null
  #waiting: EventView[] = []
  #timer: number | null = null
  #state: LiveState = 'connecting'

  constructor(tenant: string) {
    this.#tenant = tenant
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    this.#open()
    listener([], this.#state)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#close()
    }
  }

  #open(): void {
    if (this.#source) return
    const source = new EventSource(addressOf('followEvents', { params: { tenant: this.#tenant } }))
    this.#source = source
    source.addEventListener('open', () => this.#tell('live'))
    source.addEventListener('message', (message) => this.#take(message.data))
    source.addEventListener('error', () => {
      this.#tell('away')
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return
      // The browser gives up on any refusal. Ask who we are: a 401 leads to sign-in, anything else is tried again.
      this.#source = null
      call('me').then(
        () => this.#later(),
        () => this.#later(),
      )
    })
  }

  #later(): void {
    setTimeout(() => {
      if (this.#listeners.size > 0) this.#open()
    }, caps.listEveryMs)
  }

  #take(data: unknown): void {
    if (typeof data !== 'string') return
    let stored: unknown
    try {
      stored = JSON.parse(data)
    } catch {
      return
    }
    if (!isRecord(stored) || !isRecord(stored['event'])) return
    this.#waiting.push(readEvent({ cursor: String(stored['cursor'] ?? ''), event: stored['event'] }))
    if (this.#waiting.length > caps.liveEvents) this.#waiting.shift()
    this.#timer ??= window.setTimeout(() => {
      this.#timer = null
      this.#tell('live')
    }, caps.liveBatchMs)
  }

  #tell(state: LiveState): void {
    this.#state = state
    const batch = this.#waiting.reverse()
    this.#waiting = []
    for (const listener of this.#listeners) listener(batch, state)
  }

  #close(): void {
    this.#source?.close()
    this.#source = null
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#waiting = []
    this.#state = 'connecting'
  }
}

const streams = new Map<string, Stream>()

/** Live events that `wanted` accepts, newest first, since this was shown. */
export function useLiveEvents(
  tenant: string,
  wanted: (event: EventView) => boolean,
  enabled = true,
): { readonly events: readonly EventView[]; readonly state: LiveState } {
  const [events, setEvents] = useState<readonly EventView[]>([])
  const [state, setState] = useState<LiveState>('connecting')
  useEffect(() => {
    setEvents([])
    if (!enabled) return
    const stream = streams.get(tenant) ?? new Stream(tenant)
    streams.set(tenant, stream)
    return stream.listen((batch, next) => {
      setState(next)
      const fresh = batch.filter(wanted)
      if (fresh.length > 0) setEvents((before) => [...fresh, ...before].slice(0, caps.liveEvents))
    })
  }, [tenant, wanted, enabled])
  return { events, state }
}
