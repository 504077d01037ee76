// The limits of what-ifs, each with unit, default and reason. Must never hold anything else.

/** Classes of decisions held while the journal is read; about 1 KB each. */
export const maxJournalClasses = 100_000
/** Pairs of person and app of which a replay keeps count; more people times apps than any tenant of ours. */
export const maxPairs = 2_000_000
/** Rows of each list in a report; the totals count all. */
export const maxRows = 1_000
/** Names in one row. */
export const maxNames = 50
/** Classes between two words on progress, and two looks at whether to stop. */
export const classesPerStep = 2_000
/** Rules of one proposal; a longer one is nothing that people review. */
export const maxRules = 5_000
/** Milliseconds to wait for a thread to end by itself before it is cut. */
export const threadEndMs = 2_000
/** Megabytes of heap of the thread that works them out: 100,000 classes, 2 million pairs and two sets of rules. */
export const threadHeapMb = 2_048
