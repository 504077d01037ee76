// The reference pages say what the program does: none is older than the schemas that it is made from.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as z from 'zod'
import { table } from './markdown.ts'
import { referencePages } from './pages.ts'
import { schemaRows } from './schema-rows.ts'

for (const [name, text] of referencePages()) {
  test(`docs/reference/${name} is what the schemas say; \`npm run reference\` writes it anew`, () => {
    assert.equal(readFileSync(join('docs/reference', name), 'utf8'), text)
  })
}

test('a row of the table shows path, type with bounds, whether it is required, and meaning', () => {
  const schema = z.strictObject({
    name: z.string().min(1).max(9).describe('what it is called'),
    kind: z.enum(['a', 'b']).optional(),
    parts: z.array(z.strictObject({ port: z.number().int().min(1).max(65_535) })).max(4),
  })
  assert.deepEqual(
    schemaRows(schema).map(({ path, type, isRequired }) => [path, type, isRequired]),
    [
      ['name', 'string, 1 to 9 characters', true],
      ['kind', '`a`, `b`', false],
      ['parts', 'list of object, at most 4', true],
      ['parts[].port', 'integer, 1 to 65535', true],
    ],
  )
})

test('a bar or a line break in a meaning does not break the table', () => {
  assert.equal(
    table(['a'], [['x | y\nz']])
      .split('\n')
      .at(-1),
    '| x \\| y z |',
  )
})

test('the manual page is read by man without a complaint', (t) => {
  const page = referencePages().get('sallyport.1') ?? ''
  const groff = spawnSync('groff', ['-man', '-ww', '-z', '-Tutf8'], { input: page, encoding: 'utf8' })
  if (groff.error) return t.skip('groff is not installed')
  assert.equal(groff.status, 0)
  assert.equal(groff.stderr, '')
})
