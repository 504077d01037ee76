// Detection beside a running journal: events as they are written, stories through a callback, what was learned kept over
// restarts. Reads only; must never hold up who writes, and never tell a story twice for one day.
import { asFault, type Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { caps } from '#intelligence/caps.ts'
import { followEvents, type FollowDeps } from '#journal/follow.ts'
import { type DetectionConfig, startDetecting } from './detection.ts'
import { observe } from './observation.ts'
import { startReorder } from './reorder.ts'
import { type Risk, type RiskSubject, riskOf, subjectsOf } from './risk.ts'
import { loadState, saveState } from './snapshot.ts'
import { newState } from './state.ts'
import type { Story } from './story.ts'
import { teach, type Taught } from './verdict.ts'
import type { Budgets } from './thresholds.ts'

export type LiveConfig = DetectionConfig & {
  readonly tenant: TenantId
  /** The journal's folder. */
  readonly root: string
  /** Where the state is kept; without it, every start learns anew. */
  readonly stateFile?: string
  /** ms between two savings of the state. */
  readonly saveEveryMs: number
  /** ms that an event may wait for an earlier one, at the most. */
  readonly settleMs: number
}

export type LiveDeps = {
  readonly tell: (story: Story) => void
  /** The risk of these subjects has changed; called once in a while, with what it is now. */
  readonly tellRisks?: (risks: readonly Told[]) => void
  /** What went wrong without ending detection. */
  readonly report: (fault: Fault) => void
  readonly now?: () => number
  readonly follow?: FollowDeps
}

export type Told = { readonly subject: RiskSubject; readonly risk: Risk }

export type LiveStatus = {
  readonly events: number
  readonly stories: number
  readonly users: number
  /** What was dropped for a cap, a wrong clock or a form that cannot be read. */
  readonly dropped: Readonly<Record<string, number>>
  readonly isLearning: boolean
  /** False once the journal could not be followed any further; the reason was reported. */
  readonly isFollowing: boolean
}

export type LiveDetection = AsyncDisposable & {
  risk(subject: RiskSubject): Risk
  /** Everything that people have said, and what false stories may cost; in force at once. */
  teach(taught: Taught, budgets: Budgets): void
  status(): LiveStatus
  /** Saves the state and ends. */
  close(): Promise<void>
  destroy(fault: Fault): void
}

export async function startDetection(config: LiveConfig, deps: LiveDeps): Promise<LiveDetection> {
  const now = deps.now ?? Date.now
  const { stateFile } = config
  let state = newState()
  let cursor: string | undefined
  if (stateFile !== undefined) {
    try {
      const saved = await loadState(stateFile)
      if (saved) ({ state, cursor } = saved)
    } catch (error) {
      // Better to learn anew than not to watch.
      deps.report(asFault(error))
    }
  }
  const risky = new Set<string>()
  const detection = startDetecting(config, state, deps.tell, (uid) => {
    if (deps.tellRisks !== undefined && risky.size < caps.riskNews.default) risky.add(uid)
  })
  const reorder = startReorder((observation) => detection.observe(observation))
  const ending = new AbortController()
  const following = followEvents(
    config.root,
    { tenant: config.tenant, signal: ending.signal, ...(cursor !== undefined && { afterCursor: cursor }) },
    deps.follow,
  )
  let [events, unread] = [0, 0]
  let isFollowing = true
  let saving: Promise<void> = Promise.resolve()

  const save = (): void => {
    if (stateFile === undefined) return
    // What waits to be put in order would be lost between the state and the cursor.
    reorder.flush()
    const at = following.cursor()
    saving = saving.then(() => saveState(stateFile, state, at)).catch((error: unknown) => deps.report(asFault(error)))
  }
  const run = async (): Promise<void> => {
    for await (const { event, writer, sequence } of following) {
      const observation = observe(event, `${writer}/${sequence}`)
      if (typeof observation === 'string') {
        if (observation !== 'not-needed') unread++
        continue
      }
      events++
      reorder.push(observation)
    }
  }
  const running = run()
    .catch((error: unknown) => deps.report(asFault(error)))
    .finally(() => (isFollowing = false))
  const isLearning = () => state.tenant.nowMs < state.tenant.startMs + config.warmupMs
  const settling = setInterval(() => {
    reorder.flush()
    tellRisks()
  }, config.settleMs)
  const keeping = setInterval(save, config.saveEveryMs)

  /** What is learned from is not yet known to be odd: nobody is risky during the warm-up. */
  function tellRisks(): void {
    if (deps.tellRisks === undefined || isLearning()) return risky.clear()
    const told = new Map<string, Told>()
    let count = 0
    for (const uid of risky) {
      if (++count > caps.riskNewsAtOnce.default) break
      risky.delete(uid)
      for (const subject of subjectsOf(state, uid))
        told.set(`${subject.kind} ${subject.id}`, { subject, risk: riskOf(state, subject, now()) })
    }
    if (told.size > 0) deps.tellRisks([...told.values()])
  }

  let closing: Promise<void> | undefined
  const end = (): void => {
    clearInterval(settling)
    clearInterval(keeping)
    ending.abort()
  }
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      end()
      await running
      reorder.flush()
      save()
      await saving
    })())

  return {
    risk: (subject) => riskOf(state, subject, now()),
    teach(taught, budgets) {
      for (const uid of teach(state, taught)) risky.add(uid)
      detection.relearn(budgets)
    },
    status: () => ({
      events,
      stories: state.stories,
      users: state.tenant.people.size,
      dropped: { ...state.tenant.dropped, ...reorder.counts, unread },
      isFollowing,
      isLearning: isLearning(),
    }),
    close,
    destroy(fault) {
      deps.report(fault)
      end()
      closing ??= running
    },
    [Symbol.asyncDispose]: close,
  }
}
