import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { caps } from '#intelligence/caps.ts'
import { attackNames } from '#intelligence/organisation/attacks.ts'
import { parseAttacks, writeOrganisation } from '#intelligence/organisation/write-files.ts'
import { parseLabels, startEvaluation } from './evaluate.ts'
import { readLines } from './lines.ts'
import { runDetection } from './run.ts'
import { DAY_MS } from './testing.ts'
import { budgetsFor } from './thresholds.ts'

const signal = new AbortController().signal
const config = { warmupMs: 14 * DAY_MS, budgets: budgetsFor(1), decoys: new Set<string>() }

async function folder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'detection-'))
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }) }
}

test('finds the attacks in a made-up organisation from its files, and no more', async () => {
  await using dir = await folder()
  const files = { events: join(dir.path, 'e.ndjson'), labels: join(dir.path, 'l.tsv') }
  const options = { users: 200, days: 20, seed: 3, style: 'office', quietDays: 15, hasNewAppMonday: true } as const
  await writeOrganisation({ ...options, attacks: parseAttacks('car-park-none=3') }, files, signal)
  const { readFile } = await import('node:fs/promises')
  const labels = parseLabels(await readFile(files.labels, 'utf8'))
  const stories: string[] = []
  const summary = await runDetection(files.events, {
    config,
    labels,
    tell: ({ subject }) => stories.push(subject),
    signal,
  })
  assert.equal(summary.attacks, 3)
  assert.equal(summary.found, 3)
  assert.ok(summary.falseStories <= 1)
  assert.equal(stories.length, summary.stories)
})

test('a file with the attacks appended at its end says the same as one in order, and leaves nothing behind', async () => {
  await using dir = await folder()
  const { readdir, readFile } = await import('node:fs/promises')
  const files = { events: join(dir.path, 'e.ndjson'), labels: join(dir.path, 'l.tsv') }
  const options = { users: 120, days: 20, seed: 4, style: 'office', quietDays: 15, hasNewAppMonday: false } as const
  await writeOrganisation({ ...options, attacks: parseAttacks('car-park-none=5') }, files, signal)
  const lines = (await readFile(files.events, 'utf8')).trimEnd().split('\n')
  const mixed = join(dir.path, 'mixed.ndjson')
  const isOdd = (_: string, at: number): boolean => at % 9 === 4
  await writeFile(mixed, [...lines.filter((line, at) => !isOdd(line, at)), ...lines.filter(isOdd)].join('\n'))
  const run = async (file: string): Promise<readonly string[]> => {
    const subjects: string[] = []
    await runDetection(file, { config, labels: undefined, tell: ({ subject }) => subjects.push(subject), signal })
    return subjects
  }
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith('sallyport-detect-')).length
  const expected = await run(files.events)
  assert.ok(expected.length >= 1)
  assert.deepEqual(await run(mixed), expected)
  assert.equal((await readdir(tmpdir())).filter((name) => name.startsWith('sallyport-detect-')).length, before)
})

test('the same seed writes the same events', async () => {
  await using dir = await folder()
  const { readFile } = await import('node:fs/promises')
  const write = async (name: string): Promise<string> => {
    const events = join(dir.path, name)
    const attacks = new Map(attackNames.map((each) => [each, 1] as const))
    const options = {
      users: 60,
      days: 20,
      seed: 9,
      style: 'sprawl',
      quietDays: 10,
      hasNewAppMonday: true,
      attacks,
    } as const
    await writeOrganisation(options, { events, labels: undefined }, signal)
    return await readFile(events, 'utf8')
  }
  assert.equal(await write('a'), await write('b'))
})

test('counts what it cannot read and goes on; an endless line costs no memory', async () => {
  await using dir = await folder()
  const file = join(dir.path, 'bad.ndjson')
  const good = JSON.stringify({ class_uid: 4001, time: 1_767_600_000_000, actor: { user: { uid: 'u' } } })
  const endless = 'x'.repeat(3 * caps.lineBytes.default)
  await writeFile(file, `${good}\n{"half":\n${endless}\n{"class_uid":4001}\n{"class_uid":1}\r\n\n${good}`)
  const { events, refused } = await runDetection(file, { config, labels: undefined, tell: () => {}, signal })
  assert.equal(events, 2)
  assert.deepEqual(refused, { 'not-json': 1, 'no-time': 1, 'too-long': 1, 'not-needed': 1 })
  for await (const lines of readLines(file, signal))
    for (const line of lines) assert.ok(line === null || line.length <= caps.lineBytes.default)
})

test('a file that is not there is a fault that says so', async () => {
  await assert.rejects(
    runDetection('/nowhere/at/all', { config, labels: undefined, tell: () => {}, signal }),
    (error: unknown) => isFault(error, 'not-found'),
  )
})

test('labels are read strictly, and attacks that ended in the warm-up do not count', () => {
  assert.throws(
    () => parseLabels('1\tx\tu\tname'),
    (error: unknown) => isFault(error, 'document-invalid'),
  )
  assert.deepEqual(parseLabels('start_ms\tend_ms\tuser_uid\tname\n5\t9\tu\tcar park\n'), [
    { startMs: 5, endMs: 9, user: 'u', name: 'car park' },
  ])
  const evaluation = startEvaluation([{ startMs: 1000, endMs: 2000, user: 'u', name: 'a' }], DAY_MS)
  assert.equal(evaluation.summary().attacks, 0)
})

test('an attack that is no attack is refused by name', () => {
  assert.throws(
    () => parseAttacks('car-park-none=two'),
    (error: unknown) => isFault(error, 'request-malformed'),
  )
  assert.equal(parseAttacks('all=2').size, attackNames.length)
  assert.equal(parseAttacks('none').size, 0)
})
