import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isFault } from '#core/fault.ts'
import { caps } from '#control/caps.ts'
import { readEntries, wholeBody, writeHeader } from './entries.ts'

function raw(header: unknown, body = ''): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, Buffer.from(body)])
}
async function* source(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3)
}
async function read(bytes: Buffer): Promise<string[]> {
  const found: string[] = []
  for await (const entry of readEntries(source(bytes)))
    found.push(`${entry.header.kind} ${(await wholeBody(entry)).toString()}`)
  return found
}
const file = (path: unknown, more: object = {}) => raw({ kind: 'file', path, mode: 0o600, bytes: 1, ...more }, 'x')

describe('the entries of a backup', () => {
  it('come back in order, read or passed over', async () => {
    const bytes = Buffer.concat([
      writeHeader({ kind: 'rows', table: 'tenants', bytes: 4 }),
      Buffer.from('[{}]'),
      writeHeader({ kind: 'file', path: 'journal/ten_a/control/head.json', mode: 0o600, bytes: 2 }),
      Buffer.from('{}'),
    ])
    assert.deepEqual(await read(bytes), ['rows [{}]', 'file {}'])
    const kinds: string[] = []
    for await (const { header } of readEntries(source(bytes))) kinds.push(header.kind)
    assert.deepEqual(kinds, ['rows', 'file'])
  })
  it('cannot name a place outside the folder', async () => {
    const paths = [
      '../x',
      '/etc/passwd',
      'a/../../x',
      'a//b',
      './a',
      'a/.ssh/x',
      '',
      'a/',
      'a\\..\\x',
      'a\0b',
      'ü',
      '.',
      7,
    ]
    for (const path of paths)
      await assert.rejects(read(file(path)), (error) => isFault(error, 'document-invalid'), String(path))
  })
  it('cannot ask for another mode, a larger header, more rows than fit, or anything unknown', async () => {
    const cases = [
      file('a', { mode: 0o777 }),
      file('a', { mode: 0o4755 }),
      file('a', { bytes: -1 }),
      file('a', { link: 'b' }),
      raw({ kind: 'rows', table: 'tenants', bytes: caps.backupRowsBytes.default + 1 }),
      raw({ kind: 'link', path: 'a', bytes: 0 }),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7b]),
      Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from('{{{')]),
    ]
    for (const bytes of cases) await assert.rejects(read(bytes), (error) => isFault(error, 'document-invalid'))
  })
  it('are refused when they end too early', async () => {
    const bytes = file('a', { bytes: 10 })
    for (const length of [2, 4, 20, bytes.length])
      await assert.rejects(read(bytes.subarray(0, length)), (error) => isFault(error, 'document-invalid'))
  })
})
