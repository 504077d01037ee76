// Every limit of the journal, with unit, default and reason. Must never be read from anywhere but here.
export type JournalCaps = {
  /** Bytes of one event as JSON. Larger than any real event, small enough that a hostile one costs little. */
  readonly maxEventBytes: number
  /** Bytes of a segment before the next one starts. Recovery reads one segment: about 30 ms at this size. */
  readonly maxSegmentBytes: number
  /** Milliseconds (monotonic) before a segment with records is sealed. Bounds how long a removal has to wait. */
  readonly maxSegmentAgeMs: number
  /** Bytes of all segments of this writer; beyond it `append` throws `journal-full`. Bounds the spool. */
  readonly maxTotalBytes: number
  /** Bytes staged per chain before they are written without waiting for `commit`. */
  readonly maxStagedBytes: number
  /** Milliseconds between a write and the start of its group fdatasync; half of the promised 50. */
  readonly syncDelayMs: number
  /** fdatasync calls at once: libuv has four threads, the rest of the process needs some of them. */
  readonly maxConcurrentSyncs: number
  /** Milliseconds `appendDurable` waits at most, so that a hanging disk becomes an error. */
  readonly durableTimeoutMs: number
  /** `appendDurable` calls waiting at once. */
  readonly maxDurableWaiters: number
  /** Records between checkpoints: bounds the unsigned tail under load. */
  readonly checkpointRecords: number
  /** Milliseconds between checkpoints: bounds the unsigned tail when little happens. */
  readonly checkpointIntervalMs: number
  /** Segments kept open for writing; the least recently used one is closed. */
  readonly maxOpenSegments: number
  /** Chains held in memory (about 1 KB each), which is tenants per writer. */
  readonly maxChains: number
  /** Milliseconds a chain refuses appends after a failed fdatasync, so that epochs do not pile up. */
  readonly failurePauseMs: number
  /** Milliseconds `close` waits for the disk. */
  readonly closeTimeoutMs: number
}

export const defaultCaps: JournalCaps = {
  maxEventBytes: 64 * 1024,
  maxSegmentBytes: 8 * 1024 * 1024,
  maxSegmentAgeMs: 60 * 60 * 1000,
  maxTotalBytes: 16 * 1024 * 1024 * 1024,
  maxStagedBytes: 256 * 1024,
  syncDelayMs: 25,
  maxConcurrentSyncs: 2,
  durableTimeoutMs: 10_000,
  maxDurableWaiters: 10_000,
  checkpointRecords: 1024,
  checkpointIntervalMs: 10_000,
  maxOpenSegments: 512,
  maxChains: 65_536,
  failurePauseMs: 1000,
  closeTimeoutMs: 5000,
}

/** Bytes around an event in its line: brackets, two numbers of 16 digits, the hash, commas, line feed. */
export const MAX_LINE_OVERHEAD_BYTES = 128
/** Bytes of the longest line a reader accepts, whatever cap its writer had. */
export const MAX_LINE_BYTES = 1024 * 1024 + MAX_LINE_OVERHEAD_BYTES
/** Bytes that following a chain reads first; more where more follow. */
export const FIRST_READ_BYTES = 32 * 1024
/** Bytes read from a segment at a time. */
export const READ_CHUNK_BYTES = 64 * 1024
/** Bytes of a checkpoint, seal or tombstone as JSON. */
export const MAX_STATEMENT_BYTES = 2048
/** Tombstones of a chain before they are folded into one. */
export const MAX_TOMBSTONES = 64
/** Writer epochs of a tenant: each is a past corruption, so a hundred says that something is very wrong. */
export const MAX_EPOCHS = 999
/** Chains open at once in one reading: each holds one chunk and one file; the others wait as two numbers each. */
export const MAX_OPEN_SOURCES = 128
/** Epochs of one writer in one tenant that a receiver keeps: each is a past corruption, so this many say that the
 *  writer's disk is broken or the writer is not who it was. */
export const MAX_RECEIVED_EPOCHS = 64
/** New epochs of one writer in one tenant that a receiver takes within a day. */
export const MAX_NEW_EPOCHS_PER_DAY = 8
/** Newest epochs of each writer that are followed: what was written last in older ones has long arrived. */
export const MAX_FOLLOWED_EPOCHS = 4
/** Chains followed at once for one tenant: each holds one file. */
export const MAX_FOLLOWED_CHAINS = 1024
/** Writers in a cursor, and its characters. */
export const MAX_CURSOR_WRITERS = 16_384
export const MAX_CURSOR_CHARACTERS = 1024 * 1024
/** Bytes one reading goes through before it stops and leaves the rest to the next page. */
export const MAX_SCANNED_BYTES = 4 * 1024 * 1024 * 1024
/** Conditions of one event filter, and characters of each. */
export const MAX_MATCH_FIELDS = 16
export const MAX_MATCH_CHARACTERS = 512
/** Milliseconds between looks at the files of other processes while following. */
export const FOLLOW_POLL_MS = 1000
/** Chains recovered at once at a start: disks answer several requests together, memory holds a chunk for each. */
export const MAX_CONCURRENT_RECOVERIES = 8
/** Bytes of lines in one shipped batch. */
export const MAX_BATCH_BYTES = 512 * 1024
/** Bytes of a batch as one message: the lines, the header before them. */
export const MAX_SHIPMENT_BYTES = MAX_BATCH_BYTES + 8 * 1024
/** Bytes of one event a configuration may allow: a line must fit in a batch. */
export const MAX_CONFIGURED_EVENT_BYTES = 256 * 1024
/** Bytes of a segment at the receiver: what an honest writer's cap may be, so that a hostile one is bounded. */
export const MAX_RECEIVED_SEGMENT_BYTES = 64 * 1024 * 1024
/** Answers of the receiver waiting to be read. */
export const MAX_QUEUED_ANSWERS = 1024
/** Batches sent and not yet acknowledged, over all chains. */
export const MAX_UNACKNOWLEDGED_BATCHES = 8
/** Milliseconds after which an unanswered batch is sent again. */
export const RESEND_AFTER_MS = 10_000
/** Milliseconds records wait so that a batch carries several. */
export const SHIP_LINGER_MS = 100
/** Batches of one chain waiting at the receiver. */
export const MAX_QUEUED_BATCHES = 16
/** Stretches of records that a receiver has set aside in one chain. Neighbours are one; beyond it the chain is refused. */
export const MAX_REFUSED_RANGES = 4096
/** Bytes of the list of them as JSON: two numbers of 16 digits each. */
export const MAX_REFUSED_BYTES = MAX_REFUSED_RANGES * 34 + 1024
/** Characters of a problem that name records. */
export const MAX_TOLD_CHARACTERS = 200
/** Chains a receiver keeps in memory; the least recently used one is forgotten and read again when needed. */
export const MAX_RECEIVER_CHAINS = 16_384
