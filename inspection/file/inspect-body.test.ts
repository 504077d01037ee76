import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { eicarBytes } from '#inspection/malware/eicar.ts'
import { makeTar, makeZip } from '#inspection/testing/zip.ts'
import { type BodyJob, defaultLimits, inspectBody } from './inspect-body.ts'
import { fileTypeNames, fileTypeOf } from './file-type.ts'

const meta = { contentType: null, contentEncoding: null, fileName: null, wanted: ['dlp', 'malware'] } as const
const look = (bytes: Buffer, more: Partial<BodyJob['meta']> = {}, limits = defaultLimits) =>
  inspectBody({ bytes, meta: { ...meta, ...more }, limits })
const eicar = eicarBytes()
const inZip = (bytes: Buffer) =>
  makeZip([
    { name: 'readme.txt', bytes: Buffer.from('hello') },
    { name: 'a.com', bytes },
  ])
const multipart = (bytes: Buffer, encoding = '') =>
  Buffer.concat([
    Buffer.from(`--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n${encoding}\r\n`),
    bytes,
    Buffer.from('\r\n--xyz--\r\n'),
  ])
const mail = (bytes: Buffer) =>
  Buffer.from(
    `From: a@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="m1"\r\n\r\n--m1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--m1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="x.bin"\r\n\r\n${bytes.toString('base64').replaceAll(/.{20}/g, '$&\r\n')}\r\n--m1--\r\n`,
  )

const wrappings: readonly (readonly [string, Buffer, Partial<BodyJob['meta']>?])[] = [
  ['raw', eicar],
  ['with white space behind', Buffer.concat([eicar, Buffer.from('\r\n  \n')])],
  ['zip', inZip(eicar)],
  ['zip in zip', inZip(inZip(eicar))],
  ['zip in zip in zip', inZip(inZip(inZip(eicar)))],
  ['stored in zip', makeZip([{ name: 'a', bytes: eicar, method: 0 }])],
  ['zip behind a self-extractor', makeZip([{ name: 'a', bytes: eicar }], Buffer.alloc(5000, 0x4d))],
  ['gzip file', gzipSync(eicar)],
  ['zstd file', zstdCompressSync(eicar)],
  ['tar', makeTar([{ name: 'a.com', bytes: eicar }])],
  ['tar.gz', gzipSync(makeTar([{ name: 'dir/a.com', bytes: eicar }]))],
  ['zip in tar.gz', gzipSync(makeTar([{ name: 'a.zip', bytes: inZip(eicar) }]))],
  ['gzip encoding', gzipSync(eicar), { contentEncoding: 'gzip' }],
  ['deflate encoding', deflateSync(eicar), { contentEncoding: 'deflate' }],
  ['br encoding', brotliCompressSync(eicar), { contentEncoding: 'br' }],
  ['zstd encoding', zstdCompressSync(eicar), { contentEncoding: 'zstd' }],
  ['two encodings', brotliCompressSync(gzipSync(eicar)), { contentEncoding: 'gzip, br' }],
  ['base64 in MIME', mail(eicar)],
  ['zip as base64 in MIME', mail(inZip(eicar))],
  ['multipart upload', multipart(eicar), { contentType: 'multipart/form-data; boundary=xyz' }],
  ['zip in multipart upload', multipart(inZip(eicar)), { contentType: 'multipart/form-data; boundary="xyz"' }],
  ['multipart upload whose type is not told', multipart(eicar)],
  [
    'base64 in multipart',
    multipart(Buffer.from(eicar.toString('base64')), 'Content-Transfer-Encoding: base64\r\n'),
    { contentType: 'multipart/form-data; boundary=xyz' },
  ],
  ['a name and type that lie', eicar, { fileName: 'holiday.jpg', contentType: 'image/jpeg' }],
]

for (const [name, bytes, more] of wrappings)
  test(`finds EICAR: ${name}`, async () => {
    const verdict = await look(bytes, more)
    assert.equal(verdict.kind, 'malicious')
    assert.ok(verdict.findings.some(({ type }) => type === 'EICAR'))
  })

test('does not take a text about EICAR for it', async () => {
  assert.equal((await look(Buffer.concat([Buffer.from('The file is: '), eicar]))).kind, 'clean')
  assert.equal((await look(Buffer.concat([eicar, Buffer.from('and more')]))).kind, 'clean')
})

const gapOf = async (bytes: Buffer, limits = defaultLimits) => {
  const verdict = await look(bytes, {}, limits)
  return verdict.kind === 'clean' ? [] : verdict.gaps.map(({ reason }) => reason)
}
const plain = Buffer.from('nothing to see here, only words')

test('says of an encrypted entry that it cannot be looked at', async () => {
  assert.deepEqual(await gapOf(makeZip([{ name: 'a', bytes: plain, flags: 1 }])), ['encrypted'])
})

test('calls what is packed contradictory when something stands behind its end', async () => {
  for (const pack of [gzipSync, brotliCompressSync, zstdCompressSync]) {
    const packed = pack('nothing of interest')
    const encoding = pack === gzipSync ? 'gzip' : pack === brotliCompressSync ? 'br' : 'zstd'
    const gaps = async (bytes: Buffer) => {
      const verdict = await inspectBody({
        bytes,
        meta: { contentType: 'text/plain', contentEncoding: encoding, fileName: null, wanted: ['dlp', 'malware'] },
      })
      return verdict.kind === 'unscannable' ? verdict.reason : verdict.kind
    }
    assert.equal(await gaps(Buffer.concat([packed, Buffer.from('\0card 4111 1111 1111 1111')])), 'contradictory')
    assert.equal(await gaps(packed), 'clean')
  }
  const padded = Buffer.concat([gzipSync('nothing of interest'), Buffer.alloc(512)])
  assert.deepEqual(await gapOf(padded), [])
})

test('calls a zip contradictory whose two directories differ', async () => {
  assert.ok((await gapOf(makeZip([{ name: 'a.txt', localName: 'a.exe', bytes: plain }]))).includes('contradictory'))
  assert.ok((await gapOf(makeZip([{ name: 'a', bytes: plain, localMethod: 0 }]))).includes('contradictory'))
  assert.ok(
    (
      await gapOf(
        makeZip([
          { name: 'a', bytes: plain },
          { name: 'b', bytes: plain, overlaps: true },
        ]),
      )
    ).includes('contradictory'),
  )
  assert.ok(
    (
      await gapOf(
        makeZip([
          { name: 'a', bytes: plain },
          { name: 'b', bytes: plain, isHidden: true },
        ]),
      )
    ).includes('contradictory'),
  )
})

test('stops at bombs: great growth, many layers, many entries', async () => {
  const limits = { ...defaultLimits, ratioFromBytes: 1024 * 1024 }
  assert.deepEqual(await gapOf(gzipSync(Buffer.alloc(30_000_000))), ['bomb'])
  assert.ok((await gapOf(makeZip([{ name: 'a', bytes: Buffer.alloc(2_000_000) }]), limits)).includes('bomb'))
  let nested = plain
  for (let each = 0; each < 12; each++) nested = gzipSync(nested)
  assert.deepEqual(await gapOf(nested), ['too-deep'])
  const many = makeZip(Array.from({ length: 60 }, (_, at) => ({ name: `f${at}`, bytes: plain })))
  assert.ok((await gapOf(many, { ...defaultLimits, entries: 50 })).includes('entries'))
})

test('says what it cannot read', async () => {
  assert.deepEqual(await gapOf(Buffer.from('377abcaf271c0004', 'hex')), ['unknown-archive'])
  assert.deepEqual(await gapOf(makeZip([{ name: 'a', bytes: plain, method: 12 }])), ['unknown-encoding'])
  assert.deepEqual(await gapOf(makeZip([{ name: 'a', bytes: plain, crc: 1 }])), ['malformed'])
  assert.deepEqual(await gapOf(makeZip([{ name: 'a', bytes: plain }]).subarray(0, 60)), ['malformed'])
  assert.equal((await look(plain, { contentEncoding: 'compress' })).kind, 'unscannable')
  assert.equal((await look(plain, { contentEncoding: 'gzip' })).kind, 'unscannable')
})

test('knows more than sixty types by their content', () => {
  assert.ok(fileTypeNames.length >= 60, `${fileTypeNames.length}`)
  assert.equal(fileTypeOf(Buffer.from('%PDF-1.7')).name, 'pdf')
  assert.equal(fileTypeOf(Buffer.from('junk before\n%PDF-1.7')).name, 'pdf')
  assert.equal(fileTypeOf(Buffer.from('<!DOCTYPE html><p>')).name, 'html')
  assert.equal(fileTypeOf(Buffer.from('{"a": 1}')).name, 'json')
  assert.equal(fileTypeOf(Buffer.from('MZ is what this text begins with')).name, 'text')
})

test('notices names that lie, macros, and files that are two things', async () => {
  const program = Buffer.concat([
    Buffer.from('MZ'),
    Buffer.alloc(58),
    Buffer.from([64, 0, 0, 0]),
    Buffer.from('PE\0\0'),
    Buffer.alloc(100),
  ])
  const types = async (bytes: Buffer, more: Partial<BodyJob['meta']> = {}) =>
    (await look(bytes, more)).findings.map(({ type }) => type)
  assert.ok((await types(program, { fileName: 'invoice.pdf' })).includes('DISGUISED_PROGRAM'))
  assert.ok((await types(makeZip([{ name: 'invoice.pdf.exe', bytes: program }]))).includes('DOUBLE_EXTENSION'))
  assert.ok((await types(makeZip([{ name: 'setup', bytes: program }]))).includes('EXECUTABLE_IN_ARCHIVE'))
  const macro = makeZip([
    { name: '[Content_Types].xml', bytes: Buffer.from('<?xml version="1.0"?><Types/>') },
    { name: 'word/vbaProject.bin', bytes: Buffer.from('Attribute VB_Name AutoOpen') },
  ])
  assert.ok((await types(macro)).includes('OFFICE_MACRO'))
  const both = Buffer.concat([Buffer.from('GIF89a'), Buffer.alloc(50), makeZip([{ name: 'a', bytes: eicar }])])
  assert.deepEqual((await types(both)).toSorted(), ['EICAR', 'POLYGLOT'])
  assert.ok(
    (await types(Buffer.from('%PDF-1.4\n1 0 obj<</OpenAction<</S/J#61vaScript/JS(app.alert(1))>>>>endobj'))).includes(
      'PDF_SCRIPT',
    ),
  )
})

const card = '4556 6019 3807 1755'
test('finds values in office files, HTML, JSON, forms and mail', async () => {
  const found = async (bytes: Buffer, more: Partial<BodyJob['meta']> = {}) =>
    (await look(bytes, more)).findings.filter(({ type }) => type === 'CREDIT_CARD').length
  const word =
    '<?xml version="1.0"?><w:document xmlns:w="w"><w:p><w:r><w:t>card 4556 6019</w:t></w:r><w:r><w:t xml:space="preserve"> 3807 1755</w:t></w:r></w:p></w:document>'
  const office = makeZip([
    { name: '[Content_Types].xml', bytes: Buffer.from('<?xml version="1.0"?><Types/>') },
    { name: 'word/document.xml', bytes: Buffer.from(word) },
  ])
  assert.equal(await found(office), 1)
  assert.equal(await found(Buffer.from('<!doctype html><p>card 4556<b> 6019</b>&#32;3807 1755</p>')), 1)
  assert.equal(await found(Buffer.from(`<!doctype html><p>card ${card}</p>`)), 1)
  assert.equal(await found(Buffer.from(`{"note":"card \\u0034556 6019 3807 1755"}`)), 1)
  assert.equal(
    await found(Buffer.from('card=4556%206019%203807+1755&x=1'), { contentType: 'application/x-www-form-urlencoded' }),
    1,
  )
  assert.equal(await found(mail(Buffer.from(`card ${card}`))), 1)
  assert.equal(
    await found(multipart(Buffer.from(`card ${card}`)), { contentType: 'multipart/form-data; boundary=xyz' }),
    1,
  )
  assert.equal(await found(Buffer.from(`card ${card}`, 'utf16le')), 1)
  assert.equal(await found(Buffer.from(`\u00fc card ${card}`, 'latin1')), 1)
})

test('reads the sensitivity label of an office file', async () => {
  const custom = `<?xml version="1.0"?><Properties xmlns:vt="v"><property name="MSIP_Label_2096f6a2-d2f7-48be-b329-b73aaa526e5d_Name"><vt:lpwstr>Strictly Confidential</vt:lpwstr></property></Properties>`
  const verdict = await look(
    makeZip([
      { name: '[Content_Types].xml', bytes: Buffer.from('<?xml version="1.0"?><Types/>') },
      { name: 'docProps/custom.xml', bytes: Buffer.from(custom) },
    ]),
  )
  assert.deepEqual(
    verdict.findings.map(({ type, label }) => [type, label]),
    [['SENSITIVITY_LABEL', 'Strictly Confidential']],
  )
})

test('answers whatever it is given (fuzz)', { timeout: 20_000 }, async () => {
  const seeds = wrappings.map(([, bytes]) => bytes)
  const limits = { ...defaultLimits, outBytes: 1_000_000, timeMs: 200 }
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: seeds.length - 1 }),
      fc.array(fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 255 })), { maxLength: 12 }),
      fc.nat({ max: 3000 }),
      async (which, changes, cut) => {
        const bytes = Buffer.from(seeds[which] ?? eicar)
        for (const [at, value] of changes) bytes[at % bytes.length] = value
        const verdict = await look(bytes.subarray(0, Math.max(1, bytes.length - (cut % 50))), {}, limits)
        assert.ok(verdict.kind.length > 0)
      },
    ),
    { interruptAfterTimeLimit: 4000, numRuns: 3000 },
  )
})
