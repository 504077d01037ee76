// Every limit of names, with unit, default and reason. Must never be read around.
export const caps = {
  queryBytes: { unit: 'bytes', default: 4_096, reason: 'one question with padding; real ones are below 512' },
  answerBytes: { unit: 'bytes', default: 65_535, reason: 'the longest message that DNS knows' },
  records: { unit: 'records', default: 512, reason: 'of one answer; longer ones are cut' },
  pointers: { unit: 'pointers per name', default: 16, reason: 'compression of real names takes one or two' },
  queries: { unit: 'queries', default: 2_000, reason: 'under way at one time, over all tenants' },
  queriesPerSession: {
    unit: 'queries',
    default: 64,
    reason: 'a browser with many tabs; nobody keeps names from others',
  },
  resolverMs: { unit: 'ms', default: 5_000, reason: 'all tries of one question together; stubs give up about then' },
  resolverTryMs: { unit: 'ms', default: 1_500, reason: 'one try of one resolver' },
  resolvers: { unit: 'servers', default: 3, reason: 'as resolv.conf' },
  chain: { unit: 'names', default: 12, reason: 'aliases one after the other; real chains have up to 6' },
  cachedAnswers: { unit: 'answers', default: 20_000, reason: 'over all tenants, the least used go first' },
  cachedBytes: { unit: 'bytes', default: 32 * 1024 * 1024, reason: 'the same, when answers are long' },
  ttlSeconds: { unit: 's', default: 300, reason: 'longest life of an answer: a change of policy is felt by then' },
  negativeTtlSeconds: { unit: 's', default: 60, reason: 'a name that does not exist may do so soon' },
  answersInEvent: { unit: 'answers', default: 16, reason: 'of one event' },
  repeatMs: {
    unit: 'ms',
    default: 60_000,
    reason: 'the same answer to the same session is counted, not written again',
  },
  repeats: { unit: 'entries', default: 50_000, reason: 'answers remembered for that, about 200 bytes each' },
} as const satisfies Record<string, { readonly unit: string; readonly default: number; readonly reason: string }>
