// Every limit of the way to the internet, with unit, default and reason. Apart from exchange/caps.ts because none of them
// concerns a private app.
export const caps = {
  lookupMs: { unit: 'ms', default: 5_000, reason: 'two tries of a resolver on a bad link' },
  lookups: { unit: 'look-ups', default: 2_000, reason: 'under way at one time, over all tenants' },
  addressesPerName: { unit: 'addresses', default: 16, reason: 'what one answer may make us try' },
  answerLifeMs: {
    unit: 'ms',
    default: 30_000,
    reason: 'longest use of one answer of DNS; its own life may be shorter',
  },
  answers: { unit: 'answers', default: 20_000, reason: 'kept answers of DNS, about 200 bytes each' },
  originDialMs: { unit: 'ms', default: 15_000, reason: 'a connection and a handshake with a slow site' },
  lanes: { unit: 'lanes', default: 50_000, reason: '(session, site) pairs with connections to the site' },
  laneConnections: {
    unit: 'connections',
    default: 32,
    reason: 'of one person to one site; browsers use 6 over HTTP/1.1',
  },
  laneIdleMs: { unit: 'ms', default: 15_000, reason: 'how long a connection to a site waits for the next request' },
  laneWaiting: { unit: 'requests', default: 256, reason: 'of one person to one site at one time' },
  connectionsPerHost: {
    unit: 'connections',
    default: 2_000,
    reason: 'to one host over all people: we are no tool to overload a site with',
  },
  heldBytes: {
    unit: 'bytes',
    default: 256 * 1024,
    reason: 'end of a download that waits for its verdict; smaller ones wait whole, and their refusal is a page',
  },
  heldDownloads: {
    unit: 'downloads',
    default: 2_048,
    reason: 'under inspection at one time, each with its held end: 512 MiB in all',
  },
  heldDownloadsPerSession: {
    unit: 'downloads',
    default: 256,
    reason: 'one person with slow sites must not keep the others from theirs; more than browsers fetch at one time',
  },
  patienceMs: {
    unit: 'ms',
    default: 3_000,
    reason: 'a held download shows its head after this, so that people see that something is coming',
  },
  uploadMemoryBytes: {
    unit: 'bytes',
    default: 256 * 1024,
    reason: 'of one upload in memory; beyond it goes to a file',
  },
  uploadBytes: { unit: 'bytes', default: 512 * 1024 * 1024, reason: 'an upload that has to be looked at whole' },
  uploadTotalBytes: { unit: 'bytes', default: 8 * 1024 * 1024 * 1024, reason: 'spool files of all uploads together' },
  promptBytes: {
    unit: 'bytes',
    default: 2 * 1024 * 1024,
    reason: 'a request to a chat service in which prompts are counted; longer ones are looked at all the same',
  },
  pageBytes: {
    unit: 'bytes',
    default: 2 * 1024 * 1024,
    reason: 'of a page that waits for its judgement; the rest of a longer one passes guarded',
  },
  pageDecodedBytes: {
    unit: 'bytes',
    default: 8 * 1024 * 1024,
    reason: 'a page whose coding was taken off; larger ones are bombs or no pages',
  },
  pagesBytes: { unit: 'bytes', default: 256 * 1024 * 1024, reason: 'all pages that wait for their judgement' },
  pagePatienceMs: {
    unit: 'ms',
    default: 10_000,
    reason: 'a page that takes longer to come whole is shown guarded',
  },
  uploadIdleMs: { unit: 'ms', default: 60_000, reason: 'longest silence within an upload that is being held' },
  smallUploadBytes: { unit: 'bytes', default: 1024 * 1024, reason: 'a form or a call; larger ones are uploads' },
  goOnTokens: { unit: 'ms', default: 600_000, reason: 'how long a page with "continue" is good for' },
  goOns: { unit: 'entries', default: 100_000, reason: 'people who went on after a page, one per session and site' },
  reasonBytes: { unit: 'characters', default: 500, reason: 'a reason that a person writes' },
  formBytes: { unit: 'bytes', default: 8 * 1024, reason: 'the form of our own page' },
  clientCertificateHosts: {
    unit: 'hosts',
    default: 5_000,
    reason: 'sites that were seen asking for a client certificate',
  },
  clientCertificateLifeMs: { unit: 'ms', default: 6 * 3_600_000, reason: 'how long that is remembered' },
  standingDecisions: {
    unit: 'decisions',
    default: 20_000,
    reason: 'allowances of the running second, one per session, site and kind of request; about 2 KiB each',
  },
  categories: { unit: 'categories', default: 32, reason: 'of one host' },
  failedSecrets: { unit: 'attempts', default: 20, reason: 'wrong proxy credentials from one address in a minute' },
} as const satisfies Record<string, { readonly unit: string; readonly default: number; readonly reason: string }>
