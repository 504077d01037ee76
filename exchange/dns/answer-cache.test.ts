// Answers are kept for as long as they say, and for the tenant that asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAnswerCache } from './answer-cache.ts'
import { caps } from './caps.ts'
import type { Answer } from './message.ts'

const record = (name: string, ttl: number) => ({ name, type: 1, ttl, data: Uint8Array.of(9, 9, 9, 9) })
const answer = (ttl: number): Answer => ({
  rcode: 0,
  isCut: false,
  records: [record('a.test', ttl)],
  negativeTtl: undefined,
})

function start(answerOf: () => Answer) {
  let [nowMs, asked] = [0, 0]
  const cache = createAnswerCache(
    async () => {
      asked++
      return answerOf()
    },
    () => nowMs,
  )
  return { cache, pass: (ms: number) => (nowMs += ms), asked: () => asked }
}

test('an answer is used until its life is over, and never by another tenant', async () => {
  const { cache, pass, asked } = start(() => answer(10))
  await cache.get('ten_a', 'a.test', 1)
  pass(9_000)
  assert.equal((await cache.get('ten_a', 'a.test', 1)).ageSeconds, 9)
  await cache.get('ten_b', 'a.test', 1)
  assert.equal(asked(), 2)
  pass(1_000)
  await cache.get('ten_a', 'a.test', 1)
  assert.equal(asked(), 3)
})

test('one question under way is asked once, and a long life is cut', async () => {
  const { cache, pass, asked } = start(() => answer(86_400))
  await Promise.all(Array.from({ length: 5 }, () => cache.get('ten_a', 'a.test', 1)))
  assert.equal(asked(), 1)
  pass(caps.ttlSeconds.default * 1000)
  await cache.get('ten_a', 'a.test', 1)
  assert.equal(asked(), 2)
})

test('answers without a life are not kept, and names without end do not fill the memory', async () => {
  const short = start(() => answer(0))
  await short.cache.get('ten_a', 'a.test', 1)
  await short.cache.get('ten_a', 'a.test', 1)
  assert.equal(short.asked(), 2)
  const { cache, asked } = start(() => answer(60))
  for (let at = 0; at <= caps.cachedAnswers.default; at++) await cache.get('ten_a', `n${at}.test`, 1)
  await cache.get('ten_a', 'n0.test', 1)
  assert.equal(asked(), caps.cachedAnswers.default + 2, 'the oldest had gone')
})
