// Memory that several bodies use one after the other shows none of them to the next.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Block, createSpares } from './block.ts'
import { caps } from './caps.ts'

test('shows nothing of the body that lay in the memory before', () => {
  const spares = createSpares()
  const first = new Block(spares)
  first.push(Buffer.alloc(20_000, 'secret '))
  const { buffer } = first.view()
  first.drop()
  const second = new Block(spares)
  second.push(Buffer.from('mine'))
  assert.equal(second.view().buffer, buffer)
  assert.equal(second.view().toString(), 'mine')
  second.push(Buffer.from(' too'))
  assert.equal(second.release().toString(), 'mine too')
  assert.equal(second.length, 0)
  assert.equal(second.view().length, 0)
})

test('keeps what was put in when it grows, and believes no length beyond its cap', () => {
  const block = new Block(createSpares(), Number.MAX_SAFE_INTEGER)
  const parts = Array.from({ length: 300 }, (_, at) => Buffer.alloc(10_000, String(at)))
  for (const part of parts) block.push(part)
  assert.ok(block.view().equals(Buffer.concat(parts)))
  const short = new Block(createSpares(), Number.MAX_SAFE_INTEGER)
  short.push(Buffer.from('x'))
  assert.equal(short.view().buffer.byteLength, caps.spareBlockBytes.default)
})

test('takes no memory back that went to a thread, nor more than it keeps', () => {
  const spares = createSpares()
  const gone = new ArrayBuffer(65_536)
  structuredClone(gone, { transfer: [gone] })
  spares.give(gone)
  const huge = new ArrayBuffer(caps.spareBlockBytes.default + 1)
  spares.give(huge)
  assert.notEqual(spares.take(1), huge)
  const kept = Array.from({ length: caps.spareBlocks.default + 3 }, () => new ArrayBuffer(65_536))
  for (const each of kept) spares.give(each)
  const again = new Set(kept.map(() => spares.take(1)))
  assert.equal(kept.filter((each) => again.has(each)).length, caps.spareBlocks.default)
})
