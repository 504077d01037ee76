// What the doctor says about one hop. Must never hold a key, a token or a certificate of anybody.
export const doctorHops = [
  'machine',
  'name',
  'route',
  'tcp',
  'tls',
  'certificate',
  'clock',
  'mtu',
  'policy',
  'connector',
  'app',
] as const
export type DoctorHop = (typeof doctorHops)[number]

export type HopResult = {
  readonly hop: DoctorHop
  /** `skipped`: an earlier hop failed, or there is nothing to look at here. */
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped'
  readonly ms: number
  readonly said: string
  /** What to do about it. */
  readonly advice: string | null
}

/** What a hop found out; `advice` makes it a failure. */
export type Finding = { readonly said: string; readonly advice?: string; readonly isWarning?: boolean }

/** Runs one hop and times it. */
export async function look(hop: DoctorHop, work: () => Promise<Finding>): Promise<HopResult> {
  const startedMs = performance.now()
  const { said, advice, isWarning } = await work()
  const ms = Math.round((performance.now() - startedMs) * 10) / 10
  if (advice === undefined) return { hop, status: 'ok', ms, said, advice: null }
  return { hop, status: isWarning === true ? 'warning' : 'failed', ms, said, advice }
}

export function skipped(hop: DoctorHop, said = 'not reached'): HopResult {
  return { hop, status: 'skipped', ms: 0, said, advice: null }
}

export function isWell(results: readonly HopResult[]): boolean {
  return results.every(({ status }) => status !== 'failed')
}
