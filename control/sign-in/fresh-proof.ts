// That a login was made just now, with more than one factor: good for one confirmation. Must never be kept for a
// password alone, nor for a provider's word about an earlier sign-in.
import * as z from 'zod'
import { caps } from './caps.ts'
import type { SignInParts } from './parts.ts'

const proof = z.object({ provedAtMs: z.number() })

export async function keepFreshProof(
  { oneTime }: Pick<SignInParts, 'oneTime'>,
  tenantId: string,
  { loginId, userId, provedAtMs }: { readonly loginId: string; readonly userId: string; readonly provedAtMs: number },
): Promise<void> {
  const value: z.infer<typeof proof> = { provedAtMs }
  await oneTime.put(tenantId, 'fresh-proof', loginId, value, { lifeMs: caps.freshSignInMs.default, userId })
}

/** Whether this login was proven after `sinceMs`; true once. */
export async function takeFreshProof(
  { oneTime }: Pick<SignInParts, 'oneTime'>,
  tenantId: string,
  loginId: string,
  sinceMs: number,
): Promise<boolean> {
  const taken = proof.safeParse(await oneTime.take(tenantId, 'fresh-proof', loginId))
  // Providers say whole seconds, by a clock of their own.
  return taken.success && taken.data.provedAtMs >= sinceMs - caps.providerClockMs.default
}
