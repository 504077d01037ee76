// Detection beside a running journal: events as they are written, stories through a callback, what was learned kept over
// restarts. Reads only; must never hold up who writes, and never tell a story twice for one day.
import { asFault, type Fault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { followEvents, type FollowDeps } from '#journal/follow.ts'
import { type DetectionConfig, startDetecting } from './detection.ts'
import { observe } from './observation.ts'
import { startReorder } from './reorder.ts'
import { type Risk, type RiskSubject, riskOf } from './risk.ts'
import { loadState, saveState } from './snapshot.ts'
import { type DetectionState, type Exception, newState } from './state.ts'
import type { Story } from './story.ts'
import { addException, giveVerdict, removeException } from './verdict.ts'

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
  /** What went wrong without ending detection. */
  readonly report: (fault: Fault) => void
  readonly now?: () => number
  readonly follow?: FollowDeps
}

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
  verdict(...given: Parameters<typeof giveVerdict> extends [DetectionState, ...infer Rest] ? Rest : never): void
  except(exception: Exception): void
  /** False when there was none. */
  endException(id: string): boolean
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
  const detection = startDetecting(config, state, deps.tell)
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
  const settling = setInterval(() => reorder.flush(), config.settleMs)
  const keeping = setInterval(save, config.saveEveryMs)

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
    verdict: (...given) => giveVerdict(state, ...given),
    except: (exception) => addException(state, exception),
    endException: (id) => removeException(state, id),
    status: () => ({
      events,
      stories: state.stories,
      users: state.tenant.people.size,
      dropped: { ...state.tenant.dropped, ...reorder.counts, unread },
      isFollowing,
      isLearning: state.tenant.nowMs < state.tenant.startMs + config.warmupMs,
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
