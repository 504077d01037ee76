// The closed lists of detection: oddities (things that happen or not), channels (scores with a threshold of their own),
// levels (graded answers). Must never be reordered: positions are in snapshots.

/** Things that happen to a user on a day or not; how rarely is learned from everyone and from the user. */
export const oddities = [
  'new-network',
  'new-country',
  'new-device',
  'device-of-another',
  'session-two-devices',
  'session-two-networks',
  'session-of-another',
  'two-networks-at-once',
  'impossible-travel',
  'odd-hour',
  'away-10-days',
  'away-30-days',
  'first-privilege',
  'beyond-first-identity',
  'burst-of-prompts',
  'from-spraying-source',
  'beacon',
  'upload-to-new-place',
  'finding',
  'severe-finding',
  'outside-envelope',
] as const
export type Oddity = (typeof oddities)[number]

/** Scores that are calibrated each by itself. `takeover` sums what says that it is not the user, `together` all. */
export const channels = [
  'car-park',
  'car-park-day',
  'car-park-slow',
  'session-theft',
  'travel',
  'mass-download',
  'slow-leak',
  'sign-in-attack',
  'identity-path',
  'privilege',
  'outbound',
  'dormant',
  'third-party',
  'takeover',
  'together',
] as const
export type Channel = (typeof channels)[number]

export type StoryKind = Channel | 'password-spray' | 'decoy'

/** Graded answers, mildest first. */
export const levels = ['note', 'ask', 'step-up', 'restrict', 'cut', 'contain'] as const
export type Level = (typeof levels)[number]
