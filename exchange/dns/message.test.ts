// Messages as strangers write them: nothing that is read twice, backwards or past the end is taken.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { isFault } from '#core/fault.ts'
import { cleanAnswer } from './clean-answer.ts'
import { readAnswer, readQuery, writeQuery, writeReply } from './message.ts'
import { readName, textOf, wireOf } from './name.ts'
import { writeTestAnswer } from './testing.ts'

const isMalformed = (error: unknown) => isFault(error, 'wire-malformed')
const asked = { name: 'www.site.test', type: 1 }

test('pointers forwards, in circles, to themselves and past the end are refused', () => {
  for (const bytes of [[0xc0, 0], [0xc0, 2, 0xc0, 0], [0xc0], [5, 97], [0x40, 97], [0xc0, 9]])
    assert.throws(() => readName(Uint8Array.from(bytes), 0), isMalformed, String(bytes))
  const long = Uint8Array.from(Array.from({ length: 6 }, () => [63, ...new Uint8Array(63)]).flat())
  assert.throws(() => readName(long, 0), isMalformed)
})

test('ladders of pointers are refused: an answer as long as DNS allows is read within a bounded number of steps', () => {
  // a name at 0, then pointers each to the one before
  const ladder = (rungs: number) =>
    Uint8Array.from([1, 97, 0, ...Array.from({ length: rungs }, (_, at) => [0xc0, at === 0 ? 0 : 1 + 2 * at]).flat()])
  assert.equal(textOf(readName(ladder(16), 3 + 2 * 15).wire), 'a')
  assert.throws(() => readName(ladder(17), 3 + 2 * 16), isMalformed)
  // Records that are skipped cost what others cost, so they count as others.
  const { question } = readQuery(writeQuery(1, 'www.site.test', 1))
  const head = [0, 1, 0x81, 0x80, 0, 1, 0xff, 0xff, 0, 0, 0, 0, ...question]
  const foreign = [0xc0, 12, 0, 1, 0, 3, 0, 0, 0, 60, 0, 0]
  const own = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]
  const message = Uint8Array.from([...head, ...Array.from({ length: 10 }, () => foreign).flat(), ...own])
  assert.equal(readAnswer(message, asked, 10).records.length, 0)
})

test('a label with a dot, a zero or a space in it is no host name', () => {
  for (const letter of '. \0\\/é')
    assert.equal(textOf(Uint8Array.from([3, 97, letter.charCodeAt(0), 98, 0])), undefined)
  assert.equal(textOf(wireOf('_sip._tcp.Site-1.test')), '_sip._tcp.site-1.test')
})

test('a question that is an answer, two questions, or followed by bytes is refused', () => {
  const good = writeQuery(1, 'www.site.test', 1)
  assert.equal(readQuery(good).name, 'www.site.test')
  const changed = (at: number, value: number) => good.map((byte, index) => (index === at ? value : byte))
  for (const [at, value] of [
    [2, 0x81],
    [2, 0x28],
    [5, 2],
    [5, 0],
    [7, 1],
    [9, 1],
    [11, 2],
  ] as const)
    assert.throws(() => readQuery(changed(at, value)), isMalformed, `${at}`)
  assert.throws(() => readQuery(Uint8Array.from([...good, 0])), isMalformed)
})

test('an answer to another question is not taken', () => {
  const { question } = readQuery(writeQuery(1, 'www.other.test', 1))
  assert.throws(() => readAnswer(writeTestAnswer(1, question, {}), asked, 10), isMalformed)
})

test('compressed names of another writer are read, and ours are read by another reader', () => {
  const packet = encode({
    type: 'response',
    id: 5,
    questions: [{ type: 'MX', name: 'site.test' }],
    answers: [
      { type: 'MX', name: 'site.test', data: { preference: 10, exchange: 'mail.site.test' } },
      { type: 'CNAME', name: 'a.site.test', data: 'b.site.test' },
    ],
  })
  const { records } = readAnswer(packet, { name: 'site.test', type: 15 }, 10)
  const query = readQuery(writeQuery(9, 'site.test', 15))
  const again = decode(Buffer.from(writeReply(query, { rcode: 0, records, extended: { code: 15, text: 'why' } })))
  assert.equal(again.id, 9)
  assert.deepEqual(
    again.answers?.map(({ name, type }) => [name, type]),
    [
      ['site.test', 'MX'],
      ['a.site.test', 'CNAME'],
    ],
  )
})

test('an answer is padded to whole blocks when the question was', () => {
  const padded = Uint8Array.from([...writeQuery(1, 'site.test', 1).slice(0, -2), 0, 8, 0, 12, 0, 4, 0, 0, 0, 0])
  assert.equal(
    writeReply(readQuery(padded), { rcode: 0, records: [], extended: { code: 15, text: 'because' } }).length % 468,
    0,
  )
})

test('whatever the bytes are, reading ends with a value or a refusal', () => {
  const valid = writeTestAnswer(1, readQuery(writeQuery(1, asked.name, 1)).question, {
    records: [
      { name: asked.name, type: 5, data: wireOf('a.test') },
      { name: 'a.test', type: 65, data: Uint8Array.from([0, 1, 0, 0, 1, 0, 3, 2, 104, 50]) },
    ],
  })
  const broken = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), broken), (given) => {
      const bytes = given instanceof Uint8Array ? given : Uint8Array.from(valid)
      if (!(given instanceof Uint8Array)) for (const [at, value] of given) bytes[at] = value
      for (const read of [
        () => readQuery(bytes),
        () => cleanAnswer({ ...asked, type: 65 }, readAnswer(bytes, asked, 512).records, () => false),
      ]) {
        try {
          read()
        } catch (error) {
          assert.ok(isMalformed(error), String(error))
        }
      }
    }),
    { numRuns: 3000 },
  )
})
