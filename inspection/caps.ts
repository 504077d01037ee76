// Every limit of inspection, with unit, default and reason. A limit that is not here does not exist.
export const caps = {
  minConfidence: {
    unit: '0…1',
    default: 0.5,
    reason: 'below it more findings are wrong than right, as measured on the sample texts',
  },
  findings: {
    unit: 'findings',
    default: 10_000,
    reason: 'an export of customers has more; no policy asks for more than thousands',
  },
  uniqueValues: {
    unit: 'values per type',
    default: 10_000,
    reason: 'thresholds are far below; bounds the memory of a count',
  },
  windowBytes: { unit: 'bytes', default: 1024 * 1024, reason: 'one job of a worker takes about 5 ms' },
  windowContextBytes: { unit: 'bytes', default: 512, reason: 'words before a value, seen again at the next window' },
  windowTailBytes: { unit: 'bytes', default: 40 * 1024, reason: 'the longest value is an armoured private key' },
  wideTextBytes: {
    unit: 'bytes',
    default: 64 * 1024 * 1024,
    reason: 'text in UTF-16 is read whole before it is scanned',
  },
  lineBytes: { unit: 'bytes', default: 16 * 1024 * 1024, reason: 'one JSON string per line of `inspect text --lines`' },
} as const
