// Work that is done for every tenant again and again: one round at a time, each tenant by itself. Must never let one
// tenant's trouble keep the round from the others, nor a slow round pile up.
import type { ControlContext } from './context.ts'

export type TenantRounds = {
  /** No tenant is begun any more; resolves when the one under way is done. */
  readonly stop: () => Promise<void>
}

/** `what` names the work in the log, such as "the sweep". */
export function startTenantRounds(
  what: string,
  everyMs: number,
  context: ControlContext,
  work: (tenantId: string) => Promise<void>,
): TenantRounds {
  let running: Promise<void> = Promise.resolve()
  let isRunning = false
  let isStopped = false
  const failed = (error: unknown, tenantId?: string) =>
    context.log(`${what} failed`, { ...(tenantId !== undefined && { tenantId }), error: String(error) })
  const round = async () => {
    const tenants = await context.store.provider.selectFrom('tenants').select('tenants.id').execute()
    for (const { id } of tenants) {
      if (isStopped) return
      await work(id).catch((error: unknown) => failed(error, id))
    }
  }
  const timer = setInterval(() => {
    if (isRunning) return
    isRunning = true
    running = round()
      .catch((error: unknown) => failed(error))
      .finally(() => {
        isRunning = false
      })
  }, everyMs)
  timer.unref()
  return {
    stop: async () => {
      isStopped = true
      clearInterval(timer)
      await running
    },
  }
}
