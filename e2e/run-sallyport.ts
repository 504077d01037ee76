// Runs the program `sallyport` as a user would: with arguments, an environment, an account and a network namespace.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Account, compileCacheOf } from './accounts.ts'

const START_DEADLINE_MS = 90_000
const STOP_DEADLINE_MS = 20_000
const KEPT_OUTPUT_CHARACTERS = 400_000

export type Child = { readonly process: ChildProcess; readonly output: () => string; stop(): Promise<void> }

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly account?: Account | undefined
  readonly netns?: string | undefined
}

/** Program and arguments that run a command of ours under the account and in the namespace. Needs root for either. */
export function commandFor(command: readonly string[], { account, netns }: RunOptions): readonly [string, string[]] {
  const as =
    account === undefined
      ? []
      : ['setpriv', `--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups', '--no-new-privs', '--']
  const at = netns === undefined ? [] : ['ip', 'netns', 'exec', netns]
  const [program = '', ...rest] = [...at, ...as, ...command]
  return [program, rest]
}

/** As launch.mjs starts it; the launcher itself would need a folder that every account may write. */
export const sallyportCommand = (args: readonly string[]): readonly string[] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  '--max-semi-space-size=4',
  fileURLToPath(new URL('../cli/main.ts', import.meta.url)),
  ...args,
]

/** Runs `sallyport …`; resolves once a line on standard output matches. */
export function runSallyport(
  args: readonly string[],
  until: RegExp,
  options: RunOptions = {},
): Promise<Child & { readonly line: string }> {
  return runUntilLine(sallyportCommand(args), until, options)
}

export async function runUntilLine(
  command: readonly string[],
  until: RegExp,
  options: RunOptions = {},
): Promise<Child & { readonly line: string }> {
  const [program, rest] = commandFor(command, options)
  const name = command.slice(4).join(' ')
  const child = spawn(program, rest, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      MALLOC_ARENA_MAX: '2',
      MALLOC_MMAP_THRESHOLD_: '262144',
      SALLYPORT_LOG: 'json',
      ...(options.account && { HOME: '/nonexistent', NODE_COMPILE_CACHE: compileCacheOf(options.account) }),
      ...options.env,
    },
  })
  let output = ''
  const keep = (line: string) => (output = (output + line + '\n').slice(-KEPT_OUTPUT_CHARACTERS))
  const found = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    keep(line)
    if (until.test(line)) found.resolve(line)
  })
  createInterface({ input: child.stderr }).on('line', keep)
  child.once('error', (error) => found.reject(error))
  child.once('exit', (code, signal) => found.reject(new Error(`${name} ended with ${code ?? signal}:\n${output}`)))
  const timer = setTimeout(
    () => found.reject(new Error(`${name} did not say ${until.source} in time:\n${output}`)),
    START_DEADLINE_MS,
  )
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS)
    await ended
    clearTimeout(kill)
  }
  try {
    return { process: child, line: await found.promise, output: () => output, stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}
