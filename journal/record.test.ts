// Record format: round trip, vectors that another implementation can check, and refusal of everything else.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TenantId } from '#core/ids.ts'
import { formatLine, genesisHash, hashPrefix, hashRecord, hashStored, parseEvent, parseLine } from './record.ts'

const chain = { tenant: 'ten_aaaaaaaaaaaaaaaaaaaa' as TenantId, writer: 'exc_one' }
const prefix = hashPrefix(chain)
const previous = genesisHash(chain)
const anyObject = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
const anyCount = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

test('a record reads back as it was written, with a hash recomputed from the stored bytes', () => {
  fc.assert(
    fc.property(anyCount, anyCount, anyObject, (sequence, timeMs, event) => {
      const json = JSON.stringify(event)
      const hash = hashRecord(prefix, sequence, previous, timeMs, json)
      const line = Buffer.from(formatLine(sequence, timeMs, hash, json))
      assert.equal(line.indexOf(10), line.length - 1)
      const record = parseLine(line.subarray(0, -1))
      assert.ok(record !== undefined)
      assert.equal(record.sequence, sequence)
      assert.equal(record.timeMs, timeMs)
      assert.equal(hashStored(prefix, previous, record), hash)
      assert.deepEqual(JSON.stringify(parseEvent(record.json)), JSON.stringify(JSON.parse(json)))
    }),
  )
})

test('the hash is what docs/journal.md says, made with another SHA-256', () => {
  const genesis = createHash('sha256').update('sallyport-journal-genesis-v1\n').update(`${chain.tenant}\nexc_one`)
  assert.equal(previous, genesis.digest('hex'))
  const text = `sallyport-journal-record-v1\n${chain.tenant}\nexc_one\n7\n${previous}\n1700000000000\n{"a":"é"}`
  const expected = createHash('sha256').update(text, 'utf8').digest('hex')
  assert.equal(hashRecord(prefix, 7, previous, 1_700_000_000_000, '{"a":"é"}'), expected)
})

test('any changed byte of a line makes it unreadable or changes its hash', () => {
  const json = '{"decision":"allow"}'
  const hash = hashRecord(prefix, 12, previous, 1_700_000_000_000, json)
  const line = Buffer.from(formatLine(12, 1_700_000_000_000, hash, json)).subarray(0, -1)
  for (let at = 0; at < line.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = Buffer.from(line)
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      const record = parseLine(changed)
      if (record !== undefined) assert.notEqual(hashStored(prefix, previous, record), record.hash)
    }
  }
})

test('refuses lines it would not have written', () => {
  const hash = 'a'.repeat(64)
  const refused = [
    '',
    '[]',
    `[0,1,"${hash}",{}]`,
    `[01,1,"${hash}",{}]`,
    `[1,-1,"${hash}",{}]`,
    `[1,1,"${hash.toUpperCase()}",{}]`,
    `[1, 1,"${hash}",{}]`,
    `[1,1,"${hash}",[]]`,
    `[1,1,"${hash}",{}] `,
    `[9999999999999999,1,"${hash}",{}]`,
    `[1,1,"${hash.slice(1)}",{}]`,
  ]
  for (const line of refused) assert.equal(parseLine(Buffer.from(line)), undefined, line)
  assert.ok(parseLine(Buffer.from(`[1,1,"${hash}",{}]`)) !== undefined)
})

test('an event that is not UTF-8 or not an object is not an event', () => {
  for (const bytes of [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), Buffer.from('[1]'), Buffer.from('{')]) {
    assert.equal(parseEvent(bytes), undefined)
  }
})

test('never throws on arbitrary bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      parseLine(Buffer.from(bytes))
    }),
  )
})
