// What the command line does with the agent: one function for each verb, returning what is to be printed. Must never
// print: the caller knows whether a person or a program reads.
import { spawn } from 'node:child_process'
import { asFault, Fault } from '#core/fault.ts'
import { startAgent, type Agent, type AgentConfig, type AgentDeps, type Forward } from './agent.ts'
import { askAgent } from './control-socket.ts'
import { repairNames } from './names/system-names.ts'
import { defaultStateFolder, loadProfile, loadProfiles, removeProfile } from './profile.ts'
import { signIn, type SignInConfig, type SignInDeps } from './sign-in.ts'
import { signOut, type SignOutEnd } from './sign-out.ts'
import { parseTarget } from './target.ts'

export type LoginResult = {
  readonly tenant: string
  readonly user: string
  readonly deviceId: string
  readonly sessionExpiresAt: string | number
}

/** `sallyport agent login TENANT`: signs in and keeps the profile; a running agent takes it up. */
export async function login(
  config: Omit<SignInConfig, 'stateFolder'> & { readonly stateFolder?: string },
  deps: SignInDeps,
): Promise<LoginResult> {
  const stateFolder = config.stateFolder ?? defaultStateFolder()
  const profile = await signIn({ ...config, stateFolder }, deps)
  await askAgent(stateFolder, 'refresh')
  const { tenant, user, deviceId, sessionExpiresAt } = profile.signedIn
  return { tenant, user, deviceId, sessionExpiresAt }
}

/** `sallyport agent up`: runs until `down`, a signal of the caller, or `close`. */
export function up(config: Omit<AgentConfig, 'stateFolder'> & { readonly stateFolder?: string }, deps: AgentDeps) {
  return startAgent({ ...config, stateFolder: config.stateFolder ?? defaultStateFolder() }, deps)
}

export type AgentStatus = { readonly isRunning: boolean } & Partial<ReturnType<Agent['status']>>

/** `sallyport agent status`: of the running agent, or of the profiles when none runs. */
export async function status(stateFolder = defaultStateFolder()): Promise<AgentStatus> {
  const answer = await askAgent(stateFolder, 'status')
  if (answer !== undefined) return { isRunning: true, ...(withoutFault(answer) as ReturnType<Agent['status']>) }
  const profiles = await loadProfiles(stateFolder)
  return {
    isRunning: false,
    doors: [],
    tenants: profiles.map(({ name, signedIn, validityMs }) => ({
      tenant: name,
      domain: signedIn.domain,
      user: signedIn.user,
      deviceId: signedIn.deviceId,
      state: 'connecting' as const,
      sessionExpiresAtMs: null,
      certificateExpiresAtMs: validityMs.notAfterMs,
      exchanges: signedIn.exchanges,
      liveFlows: 0,
    })),
  }
}

/** `sallyport agent apps`. Throws `closing` when no agent runs. */
export async function apps(stateFolder = defaultStateFolder()): Promise<ReturnType<Agent['apps']>> {
  const answer = withoutFault(await askAgent(stateFolder, 'apps'))
  if (typeof answer !== 'object' || answer === null || !('apps' in answer)) {
    throw new Fault('not-found', { hint: 'The agent does not run; use "sallyport agent up".' })
  }
  return answer.apps as ReturnType<Agent['apps']>
}

/** `sallyport agent down`: false when none ran. */
export async function down(stateFolder = defaultStateFolder()): Promise<boolean> {
  return (await askAgent(stateFolder, 'down')) !== undefined
}

/**
 * `sallyport agent logout TENANT`: ends the session at control, forgets the key and ends a running agent's connections.
 * Undefined when this device was not signed in there.
 */
export async function logout(tenant: string, stateFolder = defaultStateFolder()): Promise<SignOutEnd | undefined> {
  let end: SignOutEnd | undefined
  try {
    const profile = await loadProfile(stateFolder, tenant)
    if (profile !== undefined) end = await signOut(profile)
  } finally {
    // Also a profile that cannot be read any more.
    await removeProfile(stateFolder, tenant)
    await askAgent(stateFolder, 'refresh')
  }
  return end
}

/** `sallyport agent repair`: puts resolver and routes back; false when there was nothing to do. */
export function repair(stateFolder = defaultStateFolder()): Promise<boolean> {
  return repairNames(stateFolder)
}

/** `5432=db.acme.test:5432`. Throws `configuration-invalid`. */
export function parseForward(text: string): Forward {
  const match = /^([1-9]\d{0,4})=(.+)$/.exec(text)
  const target = parseTarget(match?.[2] ?? '')
  const port = Number(match?.[1])
  if (target === undefined || !(port <= 65_535)) {
    throw new Fault('configuration-invalid', { hint: `"${text.slice(0, 100)}" is not PORT=HOST:PORT.` })
  }
  return { port, target }
}

/** Opens the person's browser; false where there is none, so that the caller shows the URL. */
export function openBrowser(url: string): boolean {
  if (!url.startsWith('https://')) return false
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open'
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY']) return false
  try {
    const child = spawn(program, [url], { stdio: 'ignore', detached: true })
    child.on('error', () => {})
    child.unref()
    return true
  } catch (error) {
    void asFault(error)
    return false
  }
}

function withoutFault(answer: unknown): unknown {
  if (typeof answer === 'object' && answer !== null && 'fault' in answer) throw new Fault('internal')
  return answer
}
