// Real programs with the arguments that our stories need. Each has a deadline; output is text.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Account } from './accounts.ts'

const run = promisify(execFile)
const DEADLINE_MS = 120_000

export type Outcome = { readonly code: number; readonly out: string; readonly err: string }

/** Runs to the end, whatever the exit code; under an account when one is given. */
export async function program(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  account?: Account,
  deadlineMs = DEADLINE_MS,
): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(command, [...args], {
      timeout: deadlineMs,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, no_proxy: '', NO_PROXY: '', ...(account && { HOME: '/nonexistent' }), ...env },
      ...(account && { uid: account.uid, gid: account.gid }),
    })
    return { code: 0, out: stdout, err: stderr }
  } catch (error) {
    const failed = error as {
      code?: number | string
      stdout?: string
      stderr?: string
      killed?: boolean
      message: string
    }
    if (failed.killed)
      throw new Error(`${command} did not end within ${deadlineMs} ms: ${failed.stderr ?? ''}`, { cause: error })
    if (typeof failed.code !== 'number') throw error
    return { code: failed.code, out: failed.stdout ?? '', err: failed.stderr ?? '' }
  }
}

export function curl(...args: readonly string[]): Promise<Outcome> {
  return curlAs(undefined, ...args)
}

/** As the person whose agent is to serve it. */
export function curlAs(account: Account | undefined, ...args: readonly string[]): Promise<Outcome> {
  return program('curl', ['-sS', '--max-time', '60', ...args], {}, account)
}
