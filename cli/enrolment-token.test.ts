// How a part is given its token without showing it to everybody on the machine.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { parseInput, UsageFault } from './command.ts'
import { connector } from './commands/connector.ts'
import { enrolmentToken } from './enrolment-token.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-token-'))
after(() => rmSync(folder, { recursive: true }))
const file = (text: string) => {
  const path = join(folder, 'token')
  writeFileSync(path, text)
  return path
}
const tokenOf = (...args: string[]) =>
  enrolmentToken(parseInput(connector, args, AbortSignal.timeout(10_000)), connector)

test('a token comes from a file, and from the environment', () => {
  assert.equal(tokenOf('--token-file', file('sp_enr_abc~pin\n')), 'sp_enr_abc~pin')
  process.env['SALLYPORT_TOKEN'] = 'sp_enr_env'
  assert.equal(tokenOf(), 'sp_enr_env')
  delete process.env['SALLYPORT_TOKEN']
  assert.equal(tokenOf('--token', 'sp_enr_seen'), 'sp_enr_seen')
})

test('a token comes from standard input', () => {
  const script = `import { enrolmentToken } from ${JSON.stringify(new URL('./enrolment-token.ts', import.meta.url).href)}
    process.stdout.write(enrolmentToken({ text: (name) => (name === 'token-file' ? '-' : undefined) }, {}))`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { input: 'sp_enr_stdin\n' })
  assert.equal(String(said), 'sp_enr_stdin')
})

test('a file that is missing, empty, long or of several lines is refused without being shown', () => {
  for (const path of [join(folder, 'absent'), file(''), file('a b'), file('one\ntwo'), file('x'.repeat(9000))]) {
    assert.throws(
      () => tokenOf('--token-file', path),
      (error) => isFault(error, 'configuration-invalid') && !error.message.includes('one\n'),
    )
  }
  assert.throws(() => tokenOf('--token-file', '-', '--token', 'x'), UsageFault)
  assert.throws(() => tokenOf(), UsageFault)
})
