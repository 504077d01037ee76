// Every limit of sign-in and portal, with unit, default and reason. A limit that is not here does not exist.
export const caps = {
  // input
  formBytes: { unit: 'bytes', default: 32 * 1024, reason: 'a passkey answer is under 8 KiB; nobody types more' },
  formFields: { unit: 'fields', default: 32, reason: 'the largest form has 8' },
  formDeadlineMs: { unit: 'ms', default: 15_000, reason: 'a phone on a bad link' },
  passwordMinimum: { unit: 'characters', default: 12, reason: 'NIST SP 800-63B-4 asks for 15 alone, 8 with a factor' },
  passwordMaximum: { unit: 'characters', default: 256, reason: 'argon2 hashes any length; the form need not carry it' },
  returnPathBytes: { unit: 'bytes', default: 2048, reason: 'must fit a cookie and a URL bar' },
  // work
  hashQueue: { unit: 'requests', default: 64, reason: 'at 40 ms each the last one waits under 3 s' },
  argonMemoryKiB: { unit: 'KiB', default: 19_456, reason: 'OWASP minimum for t=2, p=1' },
  argonPasses: { unit: 'passes', default: 2, reason: 'OWASP minimum for 19 MiB' },
  providers: { unit: 'OpenID providers', default: 200, reason: 'about 300 KiB each; made again in 5 ms when needed' },
  upstreamConfigurations: { unit: 'entries', default: 500, reason: 'discovery documents with keys, about 20 KiB each' },
  // guesses
  sourceTries: { unit: 'failures', default: 60, reason: 'an office behind one address on a Monday morning' },
  sourceRefillMs: { unit: 'ms per try', default: 5_000, reason: '17,000 guesses a day and source over all accounts' },
  strangerTries: { unit: 'failures', default: 10, reason: 'a person on a new device mistypes a few times' },
  strangerRefillMs: { unit: 'ms per try', default: 60_000, reason: '1,440 guesses a day and account' },
  knownTries: { unit: 'failures', default: 20, reason: 'a known browser is a person, or a thief of it' },
  knownRefillMs: { unit: 'ms per try', default: 30_000, reason: 'independent of what strangers do' },
  codeTries: { unit: 'codes', default: 5, reason: 'three of a million codes are valid at a time' },
  visitTries: { unit: 'requests', default: 300, reason: 'an office that opens its laptops at nine' },
  visitRefillMs: { unit: 'ms per request', default: 500, reason: 'each makes a row; 2 rows per second and source' },
  buckets: { unit: 'entries', default: 50_000, reason: 'about 100 bytes each' },
  // lives
  codeLifeMs: { unit: 'ms', default: 30_000, reason: 'a hand-off is two redirects' },
  challengeLifeMs: { unit: 'ms', default: 300_000, reason: 'finding the security key' },
  interactionLifeMs: { unit: 'ms', default: 1_800_000, reason: 'a lunch break in front of the sign-in page' },
  deviceCodeLifeMs: { unit: 'ms', default: 600_000, reason: 'reading a code from one screen to another' },
  accessTokenLifeMs: { unit: 'ms', default: 300_000, reason: 'used at once; the command line refreshes' },
  invitationLifeMs: { unit: 'ms', default: 604_800_000, reason: 'people read mail after a holiday week' },
  knownBrowserLifeMs: { unit: 'ms', default: 15_552_000_000, reason: 'half a year of not being slowed by strangers' },
  freshSignInMs: { unit: 'ms', default: 600_000, reason: 'credentials are changed only soon after signing in' },
  // outside
  upstreamMs: { unit: 'ms', default: 8_000, reason: 'a person is waiting' },
  upstreamBytes: { unit: 'bytes', default: 512 * 1024, reason: 'the largest discovery or key document seen is 30 KiB' },
  upstreamFreshMs: { unit: 'ms', default: 600_000, reason: 'discovery is asked again after that' },
  groupRefreshMs: { unit: 'ms', default: 300_000, reason: 'groups of live sessions are never older' },
  groupRefreshTenants: { unit: 'tenants', default: 8, reason: 'asked at the same time' },
  groupRefreshBatch: { unit: 'logins', default: 50, reason: 'asked at the same time in one tenant' },
  // upkeep
  passkeysPerUser: { unit: 'passkeys', default: 20, reason: 'devices and spares' },
  groupsFromClaim: { unit: 'groups', default: 2_000, reason: 'directories put people in hundreds' },
  sweepMs: { unit: 'ms', default: 60_000, reason: 'expired rows are refused when read; this only frees space' },
  drainMs: { unit: 'ms', default: 5_000, reason: 'requests under way at shutdown' },
} as const satisfies Record<string, { readonly unit: string; readonly default: number; readonly reason: string }>
