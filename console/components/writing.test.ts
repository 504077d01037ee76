// What helps to write and to take away, pure: completion, comparing texts, cells of a spreadsheet, the palette's matching.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { csvCell } from '#console/api/csv-cell.ts'
import { afterPath, typeNames } from './cedar-vocabulary.ts'
import { diffLines } from '#core/line-diff.ts'
import { matches } from './palette-entries.ts'

test('completion knows every attribute that the schema has, and the methods of its types', () => {
  const names = (path: readonly string[]) => afterPath(path).attributes.map(({ name }) => name)
  assert.deepEqual(names(['context', 'session']), ['factors', 'ageSeconds', 'door'])
  assert.ok(names(['context']).includes('http') && names(['context']).includes('device'))
  assert.ok(names(['context', 'network']).includes('ip') && names(['context', 'time']).includes('weekday'))
  assert.deepEqual(names(['principal']), ['name', 'email', 'outside'])
  assert.ok(names(['resource']).includes('host') && names(['resource']).includes('kind'))
  assert.ok(afterPath(['context', 'session', 'factors']).methods.includes('contains'))
  assert.ok(afterPath(['context', 'network', 'ip']).methods.includes('isInRange'))
  assert.deepEqual(afterPath(['nothing', 'there']), { attributes: [], methods: [] })
  assert.ok(typeNames.includes('Organisation'))
})

test('a comparison gives both texts back, whatever they are', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }).map((lines) => lines.join('\n'))
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after) ?? []
      const side = (other: string) =>
        lines
          .filter(({ kind }) => kind !== other)
          .map((line) => line.text)
          .join('\n')
      assert.equal(side('add'), before.replace(/\n$/, ''))
      assert.equal(side('remove'), after.replace(/\n$/, ''))
    }),
  )
  assert.equal(diffLines('a\n'.repeat(3_000), 'b\n'.repeat(3_000)), null)
})

test('no cell is taken for a formula, and quotes cannot end a cell', () => {
  for (const cell of ['=cmd()', '+1', '-1', '@x', '\t=1'])
    assert.ok(csvCell(cell).replace(/^"/, '').startsWith("'"), cell)
  assert.equal(csvCell('a "b", c'), '"a ""b"", c"')
  assert.equal(csvCell('plain'), 'plain')
})

test('the palette finds by what words begin with, and by what they contain', () => {
  assert.ok(matches('Live flows', 'li fl') && matches('Third parties', 'part') && matches('Apps', ''))
  assert.ok(!matches('Live flows', 'xi'))
})
