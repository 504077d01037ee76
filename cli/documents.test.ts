import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parsePlace, readDocuments } from './documents.ts'

function withFile(text: string, use: (file: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-yaml-'))
  try {
    const file = join(folder, 'a.yaml')
    writeFileSync(file, text)
    use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('a mistake is named by file, line and column', () => {
  withFile(
    'kind: App\nname: wiki\nspec:\n  kind: http\n  upstream:\n    host: x\n    prot: 80\n---\nkind: Group\nname: g\n',
    (file) => {
      const [first, second] = readDocuments(file)
      assert.equal(first?.place(['spec', 'upstream', 'prot']), `${file}:7:5`)
      assert.equal(first?.place(['spec', 'absent', 'deeper']), `${file}:3:1`)
      assert.equal(second?.place(['name']), `${file}:10:1`)
    },
  )
})

test('duplicate keys, tabs and broken text are refused with their line', () => {
  for (const [text, line] of [
    ['a: 1\na: 2\n', 2],
    ['a:\n\t- 1\n', 2],
    ['a: [1\nb: 2\n', 2],
    ['a: !!js/function x\n', 1],
  ] as const) {
    withFile(text, (file) => assert.throws(() => readDocuments(file), new RegExp(`a\\.yaml:${line}:`), text))
  }
})

test('aliases that multiply are refused', () => {
  let text = 'a0: &a0 [x, x, x, x, x, x, x, x, x]\n'
  for (let level = 1; level < 12; level++)
    text += `a${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]\n`
  withFile(text, (file) => assert.throws(() => readDocuments(file), /alias/i))
})

test('an empty file is an error, not an empty apply', () => {
  withFile('# nothing\n', (file) => assert.throws(() => readDocuments(file), /no document/))
})

test('places of the API are read back into paths', () => {
  assert.deepEqual(parsePlace('documents[3].spec.names[0].host'), [3, ['spec', 'names', 0, 'host']])
  assert.deepEqual(parsePlace('documents[0]'), [0, []])
  assert.equal(parsePlace('body.name'), null)
})
