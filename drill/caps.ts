// Every limit of the conductor, with unit, default and reason.
export const caps = {
  heartbeatMs: { unit: 'ms', default: 5_000, reason: 'control undoes a drill that is silent for 60 s' },
  openMs: { unit: 'ms', default: 10_000, reason: 'a flow that has not opened by then counts as refused' },
  readyMs: { unit: 'ms', default: 60_000, reason: 'connector enrolled, linked, and the apps in force everywhere' },
  tickMs: { unit: 'ms', default: 100, reason: 'a byte on each held flow; the grain of the time of containment' },
  probeMs: { unit: 'ms', default: 100, reason: 'how often each way back in is tried after containment' },
  probingMs: { unit: 'ms', default: 5_000, reason: 'for so long after containment; the last second must find nothing' },
  watchMs: { unit: 'ms', default: 500, reason: 'how often findings are asked for' },
  visitBytes: { unit: 'bytes', default: 1_000_000, reason: 'the largest object of a scenario' },
  board: { unit: 'entries', default: 200, reason: 'the latest of each kind on the live board' },
  boardMs: { unit: 'ms', default: 300, reason: 'how often the board is told at most' },
  timeline: { unit: 'entries', default: 2_000, reason: 'what the report takes; visits beyond are only counted' },
} as const
