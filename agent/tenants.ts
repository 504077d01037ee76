// The tenants that a running agent serves: those with a profile in its folder. Must never go on with a profile that
// `logout` has removed, nor bring one back.
import { asFault } from '#core/fault.ts'
import { loadProfiles, type Profile } from './profile.ts'
import { TenantSession, type TenantDeps } from './tenant-session.ts'

export class Tenants {
  readonly #deps: TenantDeps
  readonly #only: readonly string[] | undefined
  #sessions: readonly TenantSession[]
  #reloading: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(profiles: readonly Profile[], only: readonly string[] | undefined, deps: TenantDeps) {
    this.#deps = deps
    this.#only = only
    this.#sessions = profiles.map((profile) => new TenantSession(profile, deps))
  }

  get all(): readonly TenantSession[] {
    return this.#sessions
  }

  async refresh(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.refresh()))
  }

  /** Looks at the folder again: new profiles are served from now on, removed ones end, then all are asked. */
  reload(): Promise<void> {
    // One after the other: two looks at once could serve one tenant twice.
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async close(drainMs: number): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#sessions.map((session) => session.close(drainMs)))
  }

  destroy(reason: string): void {
    this.#isClosed = true
    for (const session of this.#sessions) session.destroy(reason)
  }

  async #reload(): Promise<void> {
    let profiles: readonly Profile[]
    try {
      profiles = await profilesOf(this.#deps.stateFolder, this.#only)
    } catch (error) {
      // What cannot be read is no reason to end connections; the person is told at the next start.
      this.#deps.log('the profiles could not be read again', { code: asFault(error).code })
      return await this.refresh()
    }
    if (this.#isClosed) return
    const kept: TenantSession[] = []
    for (const session of this.#sessions) {
      const profile = profiles.find(({ name }) => name === session.name)
      if (profile === undefined) {
        session.destroy('signed-out')
        void session.close(0)
        this.#deps.log('tenant signed out', { tenant: session.name })
      } else {
        session.take(profile)
        kept.push(session)
      }
    }
    const isNew = ({ name }: Profile) => !kept.some((session) => session.name === name)
    this.#sessions = [...kept, ...profiles.filter(isNew).map((profile) => new TenantSession(profile, this.#deps))]
    await this.refresh()
    this.#deps.onNames()
  }
}

export async function profilesOf(stateFolder: string, only: readonly string[] | undefined) {
  const all = await loadProfiles(stateFolder)
  return all.filter(({ name }) => only?.includes(name) ?? true)
}
