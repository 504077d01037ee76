// Every limit of categories and feeds, with unit and reason. Must never be read from anywhere but here.
export const categoryCaps = {
  /** Entries of one index. At 10 bytes a slot and at most 70 % full: 1 M entries take 21 MB, these take 84 MB. */
  maxEntries: 4_000_000,
  /** Different categories over all feeds. UT1 has 67; commercial lists about 130. */
  maxCategories: 1024,
  /** Different combinations of categories: 15 bits, one of them empty. */
  maxSets: 32_767,
  /** Matches of one address: itself, its parents, its paths. */
  maxMatches: 12,
  /** Characters of a line of a feed; longer ones are counted as unreadable. */
  maxLineChars: 8192,
  /** Bytes of one feed as fetched or read. UT1's largest list is about 100 MB. */
  maxFeedBytes: 256 * 1024 * 1024,
  /** Bytes of one STIX bundle: JSON is parsed whole, in the worker. */
  maxStixBytes: 64 * 1024 * 1024,
  /** Objects of one STIX bundle. */
  maxStixObjects: 500_000,
  /** Files in a UT1 directory. */
  maxDirectoryEntries: 500,
  /** Feeds of one exchange. */
  maxFeeds: 200,
  /** Milliseconds for one fetch, its body included. */
  fetchTimeoutMs: 120_000,
  /** Milliseconds for building one index in its worker; 4 M lines take about 10 s. */
  buildTimeoutMs: 300_000,
  /** Megabytes of heap of the worker that builds. */
  buildHeapMb: 1024,
  /** Milliseconds: the shortest interval between two fetches of a feed. */
  minIntervalMs: 60_000,
  /** Milliseconds after which a failed fetch is tried again, at most the feed's own interval. */
  retryMs: 300_000,
  /** Own entries and overrides of one tenant. */
  maxTenantEntries: 50_000,
  /** Domains remembered per tenant by "newly seen": 12 bytes each, 1.5 MB. */
  newlySeenSlots: 131_072,
  /** Days for which a domain counts as new after its first visit: a campaign is over by then. */
  newlySeenDays: 3,
  /** Tenants whose table is in memory, 1.0 MB each; another one takes the place of the oldest. */
  seenTenants: 200,
  /** Milliseconds between two writes of changed tables; a crash forgets as much, and asks again. */
  seenSaveMs: 60_000,
} as const
