// What a person sees of the program itself: errors without stack traces, whole and in the right order. Must never
// need a running Sallyport.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'

function told(...args: readonly string[]): { readonly err: string; readonly code: number | null } {
  const { stderr, status } = spawnSync(process.execPath, ['cli/main.ts', ...args], { encoding: 'utf8' })
  return { err: stderr, code: status }
}

test('a file that is missing is named, without a general sentence in front', () => {
  const { err, code } = told('inspect', 'file', 'no-such-file')
  assert.equal(err, 'sallyport: configuration-invalid: no-such-file: there is no such file.\n')
  assert.equal(code, 78)
})

test('what a file name holds cannot drive the terminal', () => {
  const { err } = told('inspect', 'file', 'no-such-\u001b[31m\u0007file')
  assert.doesNotMatch(err, /\u001b|\u0007/)
})

test('a reader who has seen enough is no fault', async () => {
  const child = spawn(process.execPath, ['cli/main.ts', 'help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  child.stdout.destroy()
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (err += chunk))
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(err, '')
  assert.equal(code, 0)
})
