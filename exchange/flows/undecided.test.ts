// Silent sockets: what one source, and all together, may hold, and who has to go.
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { createUndecided } from './undecided.ts'

function setUp(perSource: number, total: number) {
  const undecided = createUndecided({ perSource, total })
  const arrive = (address?: string) => {
    const socket = new Socket()
    undecided.add(socket)
    if (address !== undefined) undecided.from(socket, address)
    return socket
  }
  return { undecided, arrive }
}

test('a source that holds too many loses its oldest, and nobody else does', () => {
  const { undecided, arrive } = setUp(2, 100)
  const other = arrive('192.0.2.2')
  const first = arrive('2001:db8::1')
  const rest = [arrive('2001:db8::2'), arrive('2001:db8::3')]
  assert.equal(first.destroyed, true)
  for (const socket of [other, ...rest]) assert.equal(socket.destroyed, false)
  assert.equal(undecided.count, 3)
})

test('the newest comes in when all places are taken, for the oldest of all', () => {
  const { undecided, arrive } = setUp(100, 3)
  const [first, second] = [arrive(), arrive('192.0.2.1')]
  arrive('192.0.2.1')
  const newest = arrive('192.0.2.9')
  assert.deepEqual(
    [first, second, newest].map(({ destroyed }) => destroyed),
    [true, false, false],
  )
  assert.equal(undecided.count, 3)
})

test('whoever has spoken is not counted any more, nor evicted', () => {
  const { undecided, arrive } = setUp(1, 2)
  const spoke = arrive('192.0.2.1')
  undecided.remove(spoke)
  undecided.remove(spoke)
  const silent = arrive('192.0.2.1')
  undecided.remove(silent)
  for (let each = 0; each < 5; each++) arrive('192.0.2.1')
  assert.equal(undecided.count, 1)
  assert.deepEqual([spoke.destroyed, silent.destroyed], [false, false])
})

test('this machine is one source only for the cap of all', () => {
  const { undecided, arrive } = setUp(1, 4)
  for (let each = 0; each < 6; each++) arrive('127.0.0.1')
  assert.equal(undecided.count, 4)
})
