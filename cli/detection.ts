// Detection beside control: one following of the journal for each tenant, on control's thread, which carries no traffic.
// Must never tell a story about a story: findings of our own are not looked at.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isId } from '#core/ids.ts'
import type { DetectionHooks, StartDetection } from '#control/stories/detection-port.ts'
import { type LiveDetection, startDetection, type Told as ToldRisks } from '#intelligence/detection/follow-journal.ts'
import { budgetsFor } from '#intelligence/detection/thresholds.ts'

const LOOK_FOR_TENANTS_MS = 10_000
const SAVE_EVERY_MS = 300_000
const SETTLE_MS = 1000
const DECOYS_AFTER_MS = 100
const LEAST_POLL_MS = 500
/** A thousand tenants are looked at twice a minute each. */
const POLL_MS_PER_TENANT = 30

export type DetectionSettings = {
  /** Only learning, from the first event of a tenant on. */
  readonly warmupMs: number
  /** False stories per 10,000 users and day that may be told. */
  readonly storiesPerDay: number
}

export const usualDetection: DetectionSettings = { warmupMs: 14 * 86_400_000, storiesPerDay: 1 }

export function detectionWith({ warmupMs, storiesPerDay }: DetectionSettings): StartDetection {
  return async (hooks) => {
    mkdirSync(hooks.stateFolder, { recursive: true, mode: 0o700 })
    const watched = new Map<string, { readonly detection: LiveDetection; readonly decoys: Set<string> }>()
    let isClosing = false

    const watch = async () => {
      const ids = await hooks.tenantIds()
      for (const [id, { detection }] of watched)
        // One whose journal could not be followed any further is begun again from where it was.
        if (!ids.includes(id) || !detection.status().isFollowing) {
          watched.delete(id)
          await detection.close()
        }
      for (const id of ids) {
        if (isClosing || !isId('tenant', id)) continue
        if (watched.has(id)) continue
        const decoys = new Set(await hooks.decoysOf(id))
        watched.set(id, {
          decoys,
          detection: await startDetection(
            {
              tenant: id,
              root: hooks.journalRoot,
              stateFile: join(hooks.stateFolder, `${id}.state`),
              saveEveryMs: SAVE_EVERY_MS,
              settleMs: SETTLE_MS,
              warmupMs,
              budgets: budgetsFor(storiesPerDay),
              decoys,
            },
            {
              tellRisks: (risks) => tellRisks(id, risks, hooks),
              tell: (story) => tell(id, story, hooks),
              report: (fault) => hooks.log('detection', { tenantId: id, code: fault.code, ...fault.detail }),
              follow: { pollMs: Math.max(LEAST_POLL_MS, ids.length * POLL_MS_PER_TENANT) },
            },
          ),
        })
        await relearn(id)
      }
    }
    const relearn = async (tenantId: string) => {
      const detection = watched.get(tenantId)?.detection
      const taught = await hooks.taughtOf(tenantId)
      detection?.teach(taught, taught.budgets ?? budgetsFor(storiesPerDay))
    }
    // A decoy counts from the moment it is declared: whoever tries it first is the one to be noticed.
    const due = new Set<string>()
    const stopListening = hooks.onChange((tenantId) => {
      // A thousand sign-ins are one look, not a thousand.
      if (due.has(tenantId) || !watched.has(tenantId)) return
      due.add(tenantId)
      setTimeout(() => {
        due.delete(tenantId)
        readDecoys(tenantId).catch((error: unknown) =>
          hooks.log('decoys could not be read', { tenantId, error: String(error) }),
        )
      }, DECOYS_AFTER_MS).unref()
    })
    const readDecoys = async (tenantId: string) => {
      const names = await hooks.decoysOf(tenantId)
      const decoys = watched.get(tenantId)?.decoys
      decoys?.clear()
      for (const name of names) decoys?.add(name)
    }
    let looking: Promise<void> = Promise.resolve()
    const look = () => {
      looking = looking
        .then(watch)
        .catch((error: unknown) => hooks.log('tenants could not be watched', { error: String(error) }))
    }
    look()
    await looking
    const timer = setInterval(look, LOOK_FOR_TENANTS_MS)
    timer.unref()
    return {
      relearn,
      close: async () => {
        isClosing = true
        stopListening()
        clearInterval(timer)
        await looking
        for (const { detection } of watched.values()) await detection.close()
      },
    }
  }
}

function tellRisks(tenantId: string, risks: readonly ToldRisks[], hooks: DetectionHooks): void {
  const told = risks.map(({ subject, risk: { parts } }) => ({ subject, parts }))
  hooks
    .tellRisks(tenantId, told)
    .catch((error: unknown) => hooks.log('risk could not be kept', { tenantId, error: String(error) }))
}

type Told = Parameters<Parameters<typeof startDetection>[1]['tell']>[0]

function tell(tenantId: string, story: Told, hooks: DetectionHooks): void {
  const { subject, kind, level, score, first_ms: firstMs, last_ms: noticedMs, sentence, events } = story
  hooks
    .tell(tenantId, { subject, kind, level, score, firstMs, noticedMs, sentence, events })
    .catch((error: unknown) => hooks.log('a story could not be kept', { tenantId, kind, error: String(error) }))
}
