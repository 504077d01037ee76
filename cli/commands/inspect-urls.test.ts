import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-urls-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

const run = (args: readonly string[], input = '') =>
  spawnSync(process.execPath, ['cli/main.ts', 'inspect', 'score-urls', ...args], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  })

test('a file is answered line by line, with a score, a verdict and a reason', () => {
  const file = join(folder, 'urls.txt')
  writeFileSync(file, 'https://en.wikipedia.org/wiki/Harbour\n\namazon.co.jp.xkqzvb.cn/login.php\n')
  const { stdout, status } = run([file])
  const rows = stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'))
  assert.equal(status, 0)
  assert.deepEqual(
    rows.map(([url, , verdict]) => [url, verdict === 'unreadable']),
    [
      ['https://en.wikipedia.org/wiki/Harbour', false],
      ['', true],
      ['amazon.co.jp.xkqzvb.cn/login.php', false],
    ],
  )
  const [good, , bad] = rows.map(([, score]) => Number(score))
  assert.ok((good ?? 1) < (bad ?? 0))
  assert.match(rows[2]?.[3] ?? '', /\.$/)
})

test('standard input works as a file does; a file that is not there is an error', () => {
  assert.match(run(['-'], 'https://example.com/\n').stdout, /^https:\/\/example\.com\/\t0\.\d{6}\tclean\t/)
  const missing = run([join(folder, 'no-such-file')])
  assert.notEqual(missing.status, 0)
  assert.match(missing.stderr, /no file/)
})
