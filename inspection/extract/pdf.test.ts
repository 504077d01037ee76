import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspectBody } from '#inspection/file/inspect-body.ts'
import { eicarBytes } from '#inspection/malware/eicar.ts'
import { makePdf, pdfStream } from '#inspection/testing/pdf.ts'
import { makeZip } from '#inspection/testing/zip.ts'

const look = (bytes: Buffer) =>
  inspectBody({ bytes, meta: { contentType: null, contentEncoding: null, fileName: null, wanted: ['dlp', 'malware'] } })
const typesIn = async (bytes: Buffer) => (await look(bytes)).findings.map(({ type }) => type)

test('finds values in the compressed text of a PDF', async () => {
  const verdict = await look(makePdf('My card is 4111 1111 1111 1111 today'))
  assert.equal(verdict.kind, 'sensitive')
  assert.deepEqual(
    verdict.findings.map(({ type }) => type),
    ['CREDIT_CARD'],
  )
  assert.equal((await look(makePdf('nothing here'))).kind, 'clean')
})

test('finds what is embedded, also as an archive', async () => {
  assert.ok((await typesIn(makePdf('see', [pdfStream('/Type/EmbeddedFile', eicarBytes())]))).includes('EICAR'))
  assert.ok(
    (
      await typesIn(makePdf('see', [pdfStream('/Type/EmbeddedFile', makeZip([{ name: 'a', bytes: eicarBytes() }]))]))
    ).includes('EICAR'),
  )
})

test('finds scripts in the open, behind escapes and in compressed objects, and programs that are started', async () => {
  assert.ok((await typesIn(makePdf('x', [], '/OpenAction<</S/JavaScript/JS(1)>>'))).includes('PDF_SCRIPT'))
  assert.ok((await typesIn(makePdf('x', [], '/OpenAction<</S/Java#53cript/J#53(1)>>'))).includes('PDF_SCRIPT'))
  assert.ok(
    (
      await typesIn(makePdf('x', [pdfStream('/Type/ObjStm/N 1/First 4', Buffer.from('7 0 <</S/JavaScript/JS(1)>>'))]))
    ).includes('PDF_SCRIPT'),
  )
  assert.equal((await look(makePdf('x', [], '/OpenAction<</S/Launch/F(cmd.exe)>>'))).kind, 'malicious')
})

test('finds what is embedded behind a long dictionary, and never calls clean what has too many streams', async () => {
  for (const padding of [' '.repeat(20_000), '/X(9 0 obj endobj)'])
    assert.ok(
      (await typesIn(makePdf('see', [pdfStream(`/Type/EmbeddedFile${padding}`, eicarBytes())]))).includes('EICAR'),
    )
  const many = Array.from({ length: 5001 }, () => pdfStream('/A 1', Buffer.from('q')))
  const verdict = await look(makePdf('x', [...many, pdfStream('/Type/EmbeddedFile', eicarBytes())]))
  assert.deepEqual([verdict.kind, verdict.kind === 'partial' && verdict.reason], ['partial', 'entries'])
})

test('says of a broken or locked PDF that it could not be read', async () => {
  const broken = await look(Buffer.from('%PDF-1.7\nnot really'))
  assert.deepEqual([broken.kind, broken.kind === 'unscannable' && broken.reason], ['unscannable', 'malformed'])
})
