// Statements on disk, so that an exchange that starts while control is away can still open flows. What is read is only
// text: whoever uses it verifies control's signature, the session and the time again.
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import { caps } from '#exchange/caps.ts'

export type KeptStatements = {
  readonly get: (key: string) => string | undefined
  readonly put: (key: string, token: string) => void
  readonly forget: (key: string) => void
  /** Resolves when everything asked for so far is on disk or has failed. */
  readonly settled: () => Promise<void>
}

/** One line each: `tenant session token`; without a token: forgotten. The last of a session counts. */
export async function openKeptStatements(path: string, onFailure: (error: unknown) => void): Promise<KeptStatements> {
  const kept = new Map<string, string>()
  let waiting: string[] = []
  let lines = 0
  let work: Promise<void> = Promise.resolve()

  for (const line of (await readText()).split('\n')) {
    const [tenantId, sessionId, token, ...more] = line.split(' ')
    if (tenantId && sessionId && more.length === 0) keep(`${tenantId} ${sessionId}`, token ?? '')
  }
  // A kill may have left half a line; what is appended must not be glued to it.
  work = rewrite().catch(onFailure)
  await work

  return {
    get: (key) => kept.get(key),
    put(key, token) {
      keep(key, token)
      write(`${key} ${token}\n`)
    },
    forget(key) {
      if (!kept.has(key)) return
      keep(key, '')
      write(`${key}\n`)
    },
    settled: () => work,
  }

  function keep(key: string, token: string): void {
    kept.delete(key)
    if (token === '') return
    kept.set(key, token)
    const [oldest] = kept.keys()
    if (kept.size > caps.statements.default && oldest !== undefined) kept.delete(oldest)
  }

  function write(line: string): void {
    waiting.push(line)
    if (waiting.length > 1) return
    work = work.then(flush).catch(onFailure)
  }

  async function flush(): Promise<void> {
    const text = waiting.join('')
    lines += waiting.length
    waiting = []
    if (lines > 2 * caps.statements.default) await rewrite()
    else await appendFile(path, text, { mode: 0o600 })
  }

  async function rewrite(): Promise<void> {
    const all = [...kept].map(([key, token]) => `${key} ${token}\n`)
    lines = all.length
    await writeFile(`${path}.new`, all.join(''), { mode: 0o600 })
    await rename(`${path}.new`, path)
  }

  async function readText(): Promise<string> {
    try {
      return await readFile(path, 'utf8')
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) onFailure(error)
      return ''
    }
  }
}
