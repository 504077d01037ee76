// The one stream of a tenant, shared by everything on the page, open only while something listens and the page is seen:
// a look a second at what flows and how everything is, and events as they happen.
// Must never hold more than `caps.liveEvents`, nor draw once per event.
import { useEffect, useState, useSyncExternalStore } from 'react'
import type { LiveLook } from '#core/api/live-routes.ts'
import { caps } from '#console/caps.ts'
import { isRecord } from './api-fault.ts'
import { addressOf, call } from './client.ts'
import { readEvent, type EventView } from './event-view.ts'
import { plainReply } from './plain-text.ts'

export type LiveState = 'connecting' | 'live' | 'away'
type Listener = (batch: readonly EventView[], state: LiveState) => void
export type Live = { readonly state: LiveState; readonly look: LiveLook | null }

class Stream {
  readonly #tenant: string
  readonly #listeners = new Set<Listener>()
  readonly #lookers = new Set<() => void>()
  #source: EventSource | null = null
  #waiting: EventView[] = []
  #timer: number | null = null
  #live: Live = { state: 'connecting', look: null }

  constructor(tenant: string) {
    this.#tenant = tenant
    document.addEventListener('visibilitychange', () => this.#attend())
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    this.#attend()
    listener([], this.#live.state)
    return () => {
      this.#listeners.delete(listener)
      this.#attend()
    }
  }

  readonly watch = (onLook: () => void): (() => void) => {
    this.#lookers.add(onLook)
    this.#attend()
    return () => {
      this.#lookers.delete(onLook)
      this.#attend()
    }
  }

  readonly now = (): Live => this.#live

  get #isWanted(): boolean {
    return this.#listeners.size + this.#lookers.size > 0 && document.visibilityState === 'visible'
  }

  // A hidden page keeps no connection: a browser has six for one host, and tabs stay open for days.
  #attend(): void {
    if (this.#isWanted) this.#open()
    else if (this.#listeners.size + this.#lookers.size === 0 || document.visibilityState === 'hidden') this.#close()
  }

  #open(): void {
    if (this.#source) return
    const source = new EventSource(addressOf('followNow', { params: { tenant: this.#tenant } }))
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
      if (this.#isWanted) this.#open()
    }, caps.listEveryMs)
  }

  #take(data: unknown): void {
    if (typeof data !== 'string') return
    let message: unknown
    try {
      message = plainReply(JSON.parse(data))
    } catch {
      return
    }
    if (!isRecord(message)) return
    if (isLook(message)) {
      this.#live = { state: 'live', look: message }
      for (const look of this.#lookers) look()
    } else if (Array.isArray(message['items'])) for (const item of message['items']) this.#event(item)
  }

  #event(stored: unknown): void {
    if (!isRecord(stored) || !isRecord(stored['event'])) return
    this.#waiting.push(readEvent({ cursor: String(stored['cursor'] ?? ''), event: stored['event'] }))
    if (this.#waiting.length > caps.liveEvents) this.#waiting.shift()
    this.#timer ??= window.setTimeout(() => {
      this.#timer = null
      this.#tell('live')
    }, caps.liveBatchMs)
  }

  #tell(state: LiveState): void {
    if (state !== this.#live.state) {
      this.#live = { ...this.#live, state }
      for (const look of this.#lookers) look()
    }
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
    this.#live = { ...this.#live, state: 'connecting' }
  }
}

/** The server made it by its schema; here only its kind is looked at, as with every reply. */
function isLook(message: object): message is LiveLook {
  return 'kind' in message && message.kind === 'look' && 'picture' in message && 'health' in message
}

const streams = new Map<string, Stream>()

function streamOf(tenant: string): Stream {
  const stream = streams.get(tenant) ?? new Stream(tenant)
  streams.set(tenant, stream)
  return stream
}

/** The newest look, and whether the stream flows. */
export function useLook(tenant: string): Live {
  const stream = streamOf(tenant)
  return useSyncExternalStore(stream.watch, stream.now)
}

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
    return streamOf(tenant).listen((batch, next) => {
      setState(next)
      const fresh = batch.filter(wanted)
      if (fresh.length > 0) setEvents((before) => [...fresh, ...before].slice(0, caps.liveEvents))
    })
  }, [tenant, wanted, enabled])
  return { events, state }
}
