// What control tells whoever watches it: figures and reasons, of the whole installation. Must never name a person or a
// tenant, and ask the store no more than a small question.
import type { ControlContext } from './context.ts'

export type PublicCertificate = {
  /** Host name, or pattern, that it is for. */
  readonly name: string
  readonly source: 'own' | 'files' | 'acme'
  readonly notAfterMs: number | null
  /** Attempts that failed, in a row. */
  readonly failures: number
  /** What went wrong last, and when it is tried again. */
  readonly problem: string | null
  readonly nextAttemptMs: number | null
}

export type ControlFigures = {
  readonly exchanges: number
  readonly exchangesConnected: number
  readonly connectorsConnected: number
  readonly tenants: number
  readonly storeMs: number
  readonly certificates: readonly PublicCertificate[]
}

export type Surface = 'api' | 'console' | 'sign-in' | 'portal'

export async function readFigures(
  { store, links }: ControlContext,
  certificates: readonly PublicCertificate[],
): Promise<ControlFigures> {
  const startedMs = performance.now()
  const tenants = await store.provider
    .selectFrom('tenants')
    .select('tenants.id')
    .where('tenants.status', '=', 'active')
    .execute()
  const storeMs = performance.now() - startedMs
  const exchanges = await store.provider
    .selectFrom('exchanges')
    .select('exchanges.id')
    .where('exchanges.status', '=', 'active')
    .execute()
  const { feed } = links
  return {
    exchanges: exchanges.length,
    exchangesConnected: exchanges.filter(({ id }) => feed?.isConnected(id) === true).length,
    connectorsConnected: tenants.reduce((sum, { id }) => sum + (feed?.connectorsOf(id).length ?? 0), 0),
    tenants: tenants.length,
    storeMs,
    certificates,
  }
}

/** Why nobody can be served now. */
export async function whyNotReady({ store, nowMs }: ControlContext, certificates: readonly PublicCertificate[]) {
  const reasons: string[] = []
  await store.provider
    .selectFrom('tenants')
    .select('tenants.id')
    .limit(1)
    .execute()
    .catch((error: unknown) => reasons.push(`the store does not answer: ${String(error).slice(0, 200)}`))
  for (const { name, notAfterMs } of certificates)
    if (notAfterMs !== null && notAfterMs <= nowMs()) reasons.push(`the certificate for ${name} has ended`)
  return reasons
}
