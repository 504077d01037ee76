import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeldTail } from './held-tail.ts'

test('gives every byte back in order, and never the last ones before release', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 64 }), (chunks, hold) => {
      const tail = new HeldTail(hold)
      const whole = Buffer.concat(chunks)
      const out: Uint8Array[] = []
      for (const chunk of chunks) {
        out.push(...tail.push(chunk))
        assert.ok(tail.heldBytes <= hold)
      }
      const passed = Buffer.concat(out)
      assert.equal(passed.length, Math.max(0, whole.length - hold))
      assert.deepEqual(Buffer.concat([passed, ...tail.release()]), whole)
    }),
  )
})

test('lets nothing out after the tail was dropped', () => {
  const tail = new HeldTail(4)
  tail.push(Buffer.from('abcdef'))
  tail.drop()
  assert.deepEqual(tail.release(), [])
  assert.deepEqual(tail.push(Buffer.from('more')), [])
  assert.throws(() => new HeldTail(0), RangeError)
})
