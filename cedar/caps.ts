// The limits in front of the official Cedar engine, each with unit, default and reason. Must never hold anything else.

/** Bytes of policy text in one check. 10,000 policies of 400 bytes fit. */
export const maxPolicyTextBytes = 8 * 1024 * 1024
/** Bytes of schema text. */
export const maxSchemaTextBytes = 1024 * 1024
/** Policies in one check. */
export const maxPolicyCount = 20_000
/** Levels of brackets. Measured: 200 leave the WASM instance of 4.13 dead, 100 do not; generous for people. */
export const maxBracketNesting = 50
/** `if` in one policy. Measured: chains of 1,000 kill the instance, of 200 do not. */
export const maxIfs = 100
/** Attributes, calls and sums in one chain (`a.b.c(d) + e`), through brackets: chains of 1,000 kill the instance. */
export const maxChain = 200
/** `&&` and `||` in one policy, left-nested like chains; measured: 3,000 with conditions kill the validator, 1,000 do not. */
export const maxJunctions = 1_000
/** Milliseconds for one check, before what its size adds. */
export const checkDeadlineMs = 5_000
/** Milliseconds more per megabyte of policies. Measured: 2 MB (10,000 policies) take 3,500 to 4,500. */
export const deadlinePerMegabyteMs = 5_000
/** Megabytes of JavaScript heap of the worker. The WASM memory is counted apart. */
export const workerHeapMb = 512
/** Megabytes of stack of the worker, where the engine's own recursion runs besides its WASM stack. */
export const workerStackMb = 16
/** Milliseconds without a job after which the worker ends. Measured: it holds about 55 MB; the first check in a new one takes 0.7 to 1 s on a busy machine. */
export const workerIdleMs = 5_000
/** Jobs waiting for the worker. */
export const maxWaitingJobs = 32
/** Bytes of one file of policies, entities, requests or schema that a tool reads. */
export const maxInputFileBytes = 64 * 1024 * 1024
/** Files below a conformance directory; the public corpus has about 8,000 tests. */
export const maxConformanceFiles = 200_000
