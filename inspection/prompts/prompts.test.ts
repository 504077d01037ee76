import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BodyMeta } from '#core/inspection/verdict.ts'
import { openRedaction } from '#inspection/redact/redaction.ts'
import { isPromptHost, promptServiceAt, readPrompts } from './prompts.ts'

const meta = (url: string): BodyMeta => ({
  direction: 'upload',
  method: 'POST',
  url,
  contentType: 'application/json',
  contentEncoding: null,
  contentLength: null,
  fileName: null,
  wanted: ['dlp'],
})
const read = (url: string, body: unknown) => readPrompts(meta(url), Buffer.from(JSON.stringify(body)))
const texts = (url: string, body: unknown) => read(url, body)?.prompts.map(({ role, text }) => `${role}: ${text}`)

test('reads the prompts of the common chat services', () => {
  const messages = [
    { role: 'system', content: 'be kind' },
    { role: 'user', content: [{ type: 'text', text: 'hello' }] },
  ]
  assert.deepEqual(texts('https://api.openai.com/v1/chat/completions', { model: 'm', messages }), [
    'system: be kind',
    'user: hello',
  ])
  assert.deepEqual(
    texts('https://api.anthropic.com/v1/messages', {
      model: 'm',
      system: 's',
      messages: [{ role: 'user', content: 'hi' }],
    }),
    ['system: s', 'user: hi'],
  )
  assert.deepEqual(
    texts('https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent', {
      contents: [{ role: 'user', parts: [{ text: 'hi' }] }],
    }),
    ['user: hi'],
  )
  assert.equal(
    read('https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent', {
      contents: [{ parts: [{ text: 'hi' }] }],
    })?.model,
    'gemini-x',
  )
  assert.deepEqual(
    texts('https://api.mistral.ai/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }),
    ['user: x'],
  )
  assert.deepEqual(
    texts('https://acme.openai.azure.com/openai/deployments/d/chat/completions?api-version=1', { messages }),
    ['system: be kind', 'user: hello'],
  )
  assert.deepEqual(
    texts('https://api.cohere.com/v1/chat', { message: 'x', chat_history: [{ role: 'USER', message: 'y' }] }),
    ['user: x', 'user: y'],
  )
  assert.deepEqual(
    texts('http://llm.corp.example:11434/api/chat', { model: 'l', messages: [{ role: 'user', content: 'x' }] }),
    ['user: x'],
  )
  assert.deepEqual(texts('https://api.openai.com/v1/responses', { input: 'x', instructions: 'y' }), [
    'system: y',
    'user: x',
  ])
  assert.equal(read('https://vllm.example/v1/chat/completions', { messages })?.service, 'openai-chat')
})

test('reads nothing elsewhere, nor from what is no prompt', () => {
  assert.equal(read('https://example.com/api/orders', { messages: [{ content: 'x' }] }), null)
  assert.equal(readPrompts(meta('https://api.openai.com/v1/chat/completions'), Buffer.from('{')), null)
  assert.equal(promptServiceAt({ ...meta('https://api.openai.com/v1/chat/completions'), method: 'GET' }), null)
  assert.equal(promptServiceAt(meta('https://api.anthropic.com.evil.example/v1/messages')), null)
  assert.deepEqual(['api.anthropic.com', 'api.anthropic.com.evil.example'].map(isPromptHost), [true, false])
})

test('a prompt is masked and stays the request it was', async () => {
  const body = Buffer.from(
    JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'my card is 4111 1111 1111 1111\nthanks' }] }),
  )
  const redaction = openRedaction(meta('https://api.openai.com/v1/chat/completions'))
  redaction?.push(body)
  const done = await redaction?.end()
  assert.equal(done?.masked, 1)
  const after = readPrompts(meta('https://api.openai.com/v1/chat/completions'), done?.rest ?? Buffer.alloc(0))
  assert.deepEqual(after?.prompts, [{ role: 'user', text: 'my card is **** **** **** ****\nthanks' }])
})

test('never fails on any JSON (fuzz)', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      read('https://api.anthropic.com/v1/messages', { messages: value, system: value })
      read('https://api.openai.com/v1/responses', value)
    }),
    { interruptAfterTimeLimit: 1000 },
  )
})
