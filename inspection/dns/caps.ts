// Every limit of the DNS detectors, with unit and reason. Must never be read from anywhere but here.
export const dnsCaps = {
  /** Milliseconds of one window per client: the issue asks "per client and hour". */
  windowMs: 3_600_000,
  /** Clients watched at once; the one quiet for longest is forgotten. About 20 KB each at the most. */
  maxClients: 4096,
  /** Registrable domains watched per client; the one asked least is forgotten. 64 × about 300 bytes. */
  maxDomainsPerClient: 64,
  /** Characters of a name that are looked at; DNS allows 253. */
  maxNameChars: 253,
  /** Names kept as evidence of one finding. */
  maxExamples: 5,
} as const

export const dnsLimits = {
  /** Different registered names that do not exist, in a window, before their letters are judged. */
  failedNames: 15,
  /** Share of them that must read like random letters. */
  randomShare: 0.6,
  /** Bits a letter from which a name of at least seven letters counts as random: 1 in 50 ordinary names lies above. */
  randomBits: 4.7,
  /** Different failed names that are reported whatever they read like: word lists make names too. */
  failedNamesAnyLetters: 200,
  /** Different names below one domain, in a window, before a tunnel is thought of. */
  uniqueLabels: 80,
  /** Of all questions to that domain, the share that was never asked before: tunnels do not repeat, caches do. */
  uniqueShare: 0.7,
  /** Bits a character of what stands left of the domain: coded data is near 4 (hex) or 5 (base32). */
  labelEntropy: 3.2,
  /** Bytes that the names could have carried out in a window. Ordinary trackers stay below. */
  carriedBytes: 4096,
  /** Bytes of answers of types that carry data (TXT, NULL, CNAME …) in a window: the way in. */
  answeredBytes: 65_536,
} as const
