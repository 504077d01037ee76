// Hot path. The writing end of one chain: stage records, put them into the kernel, start the next segment. Must never
// fsync, never wait, and never take back a whole line that a reader could have seen.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import type { JournalCaps } from './caps.ts'
import type { Disk } from './disk.ts'
import { errorCode, segmentPath, type ChainPlace } from './layout.ts'
import { EventText } from './event-text.ts'
import { formatLine, hashPrefix, hashRecord, wholeMs } from './record.ts'
import type { Recovered } from './recover.ts'

/** Names a record for good. */
export type Receipt = {
  readonly tenant: TenantId
  readonly writer: string
  readonly sequence: number
  readonly timeMs: number
  readonly hash: string
}

/** A record that promises nothing until `commit()` returned its receipt. `commit` throws `journal-full`. */
export type Staged = { readonly commit: () => Receipt }

/** A segment being written, or written and not yet sealed. */
export type Segment = {
  readonly first: number
  readonly path: string
  readonly startedAtMs: number
  fd: number | undefined
  /** Syncs using the descriptor at the moment: closing waits for them, or they would sync another file. */
  users: number
  isReleased: boolean
  bytes: number
  earliestMs: number
  latestMs: number
  lastSequence: number
  lastHash: string
}

/** What a chain needs from its journal. */
export type ChainHost = {
  readonly caps: JournalCaps
  readonly disk: Disk
  readonly nowMs: () => number
  readonly monotonicMs: () => number
  /** Throws `journal-full` when the spool has no room for so many bytes. */
  readonly reserve: (bytes: number) => void
  readonly wrote: (chain: Chain, bytes: number) => void
  /** Keeps the number of open segments within the cap. */
  readonly used: (segment: Segment) => void
  readonly broken: (chain: Chain, fault: Fault) => void
}

type Entry = {
  readonly line: string
  readonly bytes: number
  readonly receipt: Receipt
  state: 'staged' | 'written' | Fault
}

export class Chain {
  readonly place: ChainPlace
  readonly host: ChainHost
  readonly #prefix: string
  /** Where the kernel has the chain. */
  sequence: number
  hash: string
  segment: Segment | undefined
  /** Full segments that wait for their fsync and seal, oldest first. */
  sealing: Segment[] = []
  /** Folders whose new names wait for an fsync. */
  foldersToSync = new Set<string>()
  durableSequence: number
  checkpointSequence: number
  checkpointAtMs: number
  isBroken = false
  #tipSequence: number
  #tipHash: string
  #entries: Entry[] = []
  #stagedBytes = 0
  #hasFolder: boolean

  constructor(place: ChainPlace, from: Recovered, host: ChainHost, isNew: boolean) {
    this.place = place
    this.host = host
    this.#prefix = hashPrefix(place)
    this.#hasFolder = !isNew
    this.sequence = this.#tipSequence = this.durableSequence = from.sequence
    this.hash = this.#tipHash = from.hash
    this.checkpointSequence = from.checkpointSequence
    this.checkpointAtMs = host.monotonicMs()
    if (from.segment !== undefined) {
      const { first, bytes, earliestMs, latestMs } = from.segment
      this.segment = {
        first,
        path: segmentPath(place.dir, first),
        startedAtMs: host.monotonicMs(),
        fd: undefined,
        users: 0,
        isReleased: false,
        bytes,
        earliestMs: bytes === 0 ? Number.MAX_SAFE_INTEGER : earliestMs,
        latestMs,
        lastSequence: from.sequence,
        lastHash: from.hash,
      }
    }
  }

  get hasStaged(): boolean {
    return this.#entries.length > 0
  }

  stage(event: object): Entry {
    const { caps } = this.host
    const json = eventJson(event)
    const eventBytes = Buffer.byteLength(json)
    if (eventBytes > caps.maxEventBytes) {
      throw new Fault('request-too-large', { hint: `An event has at most ${caps.maxEventBytes} bytes.` })
    }
    if (this.isBroken) throw this.#full(undefined)
    const timeMs = wholeMs(this.host.nowMs())
    const sequence = this.#tipSequence + 1
    const hash = hashRecord(this.#prefix, sequence, this.#tipHash, timeMs, json)
    const line = formatLine(sequence, timeMs, hash, json)
    const bytes = line.length - json.length + eventBytes
    this.host.reserve(this.#stagedBytes + bytes)
    const receipt = { tenant: this.place.tenant, writer: this.place.writer, sequence, timeMs, hash }
    const entry: Entry = { line, bytes, receipt, state: 'staged' }
    this.#entries.push(entry)
    this.#tipSequence = sequence
    this.#tipHash = hash
    this.#stagedBytes += bytes
    if (this.#stagedBytes >= caps.maxStagedBytes) this.flush()
    return entry
  }

  /** The record is in the kernel, or `journal-full`. */
  commit(entry: Entry): Receipt {
    if (entry.state === 'staged') this.flush()
    if (entry.state instanceof Fault) throw entry.state
    return entry.receipt
  }

  /** Puts everything staged into the kernel. A failure is also kept for the `commit` of each record it concerns. */
  flush(): Fault | undefined {
    if (this.#entries.length === 0) return undefined
    const entries = this.#entries
    this.#entries = []
    const total = this.#stagedBytes
    this.#stagedBytes = 0
    let written = 0
    let fault: Fault | undefined
    try {
      if (this.isBroken) throw new Error('the chain was given up')
      const segment = this.#segmentFor(total)
      const fd = this.#descriptor(segment)
      const bytes = Buffer.from(entries.length === 1 ? (entries[0]?.line ?? '') : entries.map((e) => e.line).join(''))
      while (written < total) {
        const taken = this.host.disk.write(fd, bytes, written)
        if (taken <= 0) throw new Error('the disk took nothing')
        written += taken
      }
    } catch (error) {
      fault = this.#full(error)
    }
    this.#settle(entries, written, fault)
    return fault
  }

  /** Ends the current segment, if it has records; the next record starts another. */
  seal(): boolean {
    this.flush()
    if (this.segment === undefined || this.segment.bytes === 0) return false
    this.sealing.push(this.segment)
    this.segment = undefined
    return true
  }

  // Lines that went out whole stay; a half line is taken back, so that the file ends with a record again.
  #settle(entries: readonly Entry[], written: number, fault: Fault | undefined): void {
    const segment = this.segment
    let whole = 0
    for (const entry of entries) {
      if (whole + entry.bytes > written || segment === undefined) {
        entry.state = fault ?? this.#full(undefined)
        continue
      }
      whole += entry.bytes
      entry.state = 'written'
      const { sequence, hash, timeMs } = entry.receipt
      this.sequence = segment.lastSequence = sequence
      this.hash = segment.lastHash = hash
      if (timeMs < segment.earliestMs) segment.earliestMs = timeMs
      if (timeMs > segment.latestMs) segment.latestMs = timeMs
    }
    if (segment !== undefined) segment.bytes += whole
    this.#tipSequence = this.sequence
    this.#tipHash = this.hash
    if (fault !== undefined && segment?.fd !== undefined && written > whole) {
      try {
        this.host.disk.truncate(segment.fd, segment.bytes)
      } catch {
        // The half line stays on disk, so nothing may follow it until the chain was recovered.
        this.isBroken = true
        this.host.broken(this, fault)
      }
    }
    if (whole > 0) this.host.wrote(this, whole)
  }

  #segmentFor(bytes: number): Segment {
    const { caps, monotonicMs } = this.host
    const current = this.segment
    if (current !== undefined && (current.bytes === 0 || current.bytes + bytes <= caps.maxSegmentBytes)) return current
    if (!this.#hasFolder) this.#makeFolder()
    const first = this.sequence + 1
    const path = segmentPath(this.place.dir, first)
    // A name that exists already would mean that somebody else writes this chain: EEXIST refuses.
    const fd = this.host.disk.open(path, true)
    if (current !== undefined) this.sealing.push(current)
    this.foldersToSync.add(this.place.dir)
    const startedAtMs = monotonicMs()
    const ends = { lastSequence: this.sequence, lastHash: this.hash }
    const times = { earliestMs: Number.MAX_SAFE_INTEGER, latestMs: 0, startedAtMs }
    this.segment = { first, path, fd, users: 0, isReleased: false, bytes: 0, ...times, ...ends }
    return this.segment
  }

  #descriptor(segment: Segment): number {
    const fd = (segment.fd ??= this.host.disk.open(segment.path, false))
    segment.isReleased = false
    this.host.used(segment)
    return fd
  }

  #makeFolder(): void {
    mkdirSync(this.place.dir, { recursive: true, mode: 0o700 })
    this.#hasFolder = true
    const tenantDir = dirname(this.place.dir)
    this.foldersToSync.add(dirname(tenantDir)).add(tenantDir)
  }

  #full(cause: unknown): Fault {
    const { tenant, writer } = this.place
    return new Fault('journal-full', { cause, detail: { tenant, writer, error: errorCode(cause) } })
  }
}

/** Closes a segment's descriptor now, or when its last user is done. */
export function releaseDescriptor(segment: Segment, disk: Disk): void {
  const { fd, users } = segment
  segment.isReleased = users > 0
  if (fd === undefined || users > 0) return
  segment.fd = undefined
  disk.close(fd)
}

function eventJson(event: object): string {
  if (event instanceof EventText) return event.json
  let json: string | undefined
  try {
    json = JSON.stringify(event)
  } catch (cause) {
    throw new Fault('document-invalid', { hint: 'An event is a JSON object.', cause })
  }
  if (json === undefined || !json.startsWith('{')) {
    throw new Fault('document-invalid', { hint: 'An event is a JSON object.' })
  }
  return json
}
