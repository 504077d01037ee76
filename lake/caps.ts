// Every limit of the lake, with unit, default and reason. Must never be read from anywhere but here.
export type LakeCaps = {
  /** Bytes DuckDB may hold. Enough for a day of a busy tenant; beyond it DuckDB spills to the temporary folder. */
  readonly maxMemoryBytes: number
  /** Bytes of the engine's whole process, watched once a second: what DuckDB's own limit does not count. */
  readonly maxProcessBytes: number
  /** Threads of DuckDB. The machine's other cores carry traffic. */
  readonly threads: number
  /** Bytes DuckDB may spill to the temporary folder before a query fails. */
  readonly maxSpillBytes: number
  /** Milliseconds a query may run unless it asks for less. */
  readonly queryTimeoutMs: number
  /** Milliseconds one compaction, verification or removal of a tenant may run. */
  readonly workTimeoutMs: number
  /** Calls the engine works on at once; more wait. Each holds a connection. */
  readonly maxConcurrentCalls: number
  /** Calls waiting for the engine; beyond it `at-capacity`. */
  readonly maxWaitingCalls: number
  /** Bytes of journal segments that one compaction step turns into files: bounds memory and what a crash repeats. */
  readonly maxBatchBytes: number
  /** Bytes of segments above the watermark that one query reads; beyond it compaction is behind, and we say so. */
  readonly maxHotBytes: number
  /** Files of one day and writer before they are merged into one. */
  readonly mergeFiles: number
  /** Milliseconds without work before the engine's process ends; it starts again when asked. */
  readonly idleMs: number
  /** Milliseconds `close` waits for calls at work. */
  readonly closeTimeoutMs: number
}

const MEBIBYTE = 1024 * 1024

export const defaultCaps: LakeCaps = {
  maxMemoryBytes: 768 * MEBIBYTE,
  maxProcessBytes: 2048 * MEBIBYTE,
  threads: 2,
  maxSpillBytes: 8192 * MEBIBYTE,
  queryTimeoutMs: 30_000,
  workTimeoutMs: 600_000,
  maxConcurrentCalls: 2,
  maxWaitingCalls: 64,
  maxBatchBytes: 64 * MEBIBYTE,
  maxHotBytes: 256 * MEBIBYTE,
  mergeFiles: 8,
  idleMs: 120_000,
  closeTimeoutMs: 5000,
}

/** Rows one page of a query gives at most. */
export const MAX_PAGE_ROWS = 1000
/** Bytes of events in one page; a page ends early rather than pass it. */
export const MAX_PAGE_BYTES = 16 * MEBIBYTE
/** Rows looked at for one page of a reading that goes on from the journal: first, most. Grows when few of them match. */
export const COLD_CANDIDATES = { least: 256, most: 16_384 } as const
/** Groups a count gives at most. */
export const MAX_GROUPS = 10_000
/** Columns one count groups by. */
export const MAX_GROUP_FIELDS = 3
/** Values of one filter (users, apps …), and characters of each. */
export const MAX_FILTER_VALUES = 200
export const MAX_FILTER_CHARACTERS = 512
/** Interval ends of one dimension of decision classes. */
export const MAX_BREAKS = 64
/** Classes one question may give: about 1 KB each at the reader. */
export const MAX_CLASSES = 5_000_000
/** Rows handed to DuckDB at a time; its own vector size. */
export const ROWS_PER_CHUNK = 2048
/** Rows of one row group in Parquet: smaller groups skip better, larger ones compress better. */
export const ROWS_PER_GROUP = 61_440
/** Days one compaction step writes; a clock that jumps must not make a file for each event. */
export const MAX_DAYS_PER_BATCH = 40
/** Bytes of a tenant's manifest: about 100,000 files. */
export const MAX_MANIFEST_BYTES = 64 * MEBIBYTE
/** Times a query starts over because files it had listed were replaced or removed meanwhile. */
export const MAX_QUERY_ATTEMPTS = 5
/** Milliseconds before a dead engine is started again: first, most. Doubles between. */
export const ENGINE_BACKOFF_MS = { first: 200, most: 30_000 } as const
/** Milliseconds beyond a call's deadline before an engine that does not answer is ended. */
export const ENGINE_GRACE_MS = 5000
/** Characters of a page cursor. */
export const MAX_CURSOR_CHARACTERS = 256
