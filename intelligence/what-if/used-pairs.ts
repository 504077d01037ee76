// Who used what, out of recorded decisions: only what was allowed counts as use.
import type { TenantId } from '#core/ids.ts'
import type { DecisionSource } from '#lake/decisions.ts'

export type Use = {
  readonly user: string
  readonly app: string
  decisions: number
  lastMs: number
  /** The least device posture that it was ever used with; 0 is no device or an unknown one. */
  leastPosture: 0 | 1 | 2
}

export async function usedPairs(
  source: DecisionSource,
  tenant: TenantId,
  sinceMs: number,
  untilMs: number,
  onCount: (decisions: number) => void,
  signal: AbortSignal,
): Promise<readonly Use[]> {
  const found = new Map<string, Use>()
  let seen = 0
  const query = { tenant, sinceMs, untilMs, distinguish: ['device.posture'] as const }
  for await (const batch of source.decisionClasses(query, signal)) {
    for (const { inputs, outcome, count, lastMs } of batch) {
      seen += count
      if (outcome !== 'allow' || inputs === null || inputs.resource.kind !== 'app') continue
      const posture = inputs.device?.posture ?? 0
      const key = `${inputs.user} ${inputs.resource.name}`
      const use = found.getOrInsertComputed(key, () => ({
        user: inputs.user,
        app: inputs.resource.kind === 'app' ? inputs.resource.name : '',
        decisions: 0,
        lastMs: 0,
        leastPosture: posture,
      }))
      use.decisions += count
      use.lastMs = Math.max(use.lastMs, lastMs)
      if (posture < use.leastPosture) use.leastPosture = posture
    }
    signal.throwIfAborted()
    onCount(seen)
  }
  return [...found.values()]
}
