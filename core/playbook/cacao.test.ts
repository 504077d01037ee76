import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { playbookSpec, type PlaybookSpec } from '#core/resources/playbook.ts'
import { fromCacao, toCacao } from './cacao.ts'

const spec: PlaybookSpec = playbookSpec.parse({
  title: 'A session seems stolen',
  steps: [
    { id: 'hold', contain: { subject: 'user', for: '30m' } },
    {
      id: 'was-it-them',
      ask: { question: 'Was it them?', within: '900s', yes: 'give-back', no: 'tell', silent: 'tell' },
    },
    { id: 'tell', comment: 'It was "not" them.', next: 'end' },
    { id: 'give-back', release: 'contained' },
    { id: 'pause', wait: '60s' },
    { id: 'done', close: { cause: 'expected', text: '' } },
  ],
})
const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32)
const written = () => structuredClone(toCacao('stolen-session', spec, { hash, nowMs: 0 })) as Cacao
type Cacao = Record<string, unknown> & { workflow: Record<string, Record<string, unknown>>; workflow_start: string }
const stepOf = (made: Cacao, name: string) => {
  const found = Object.values(made.workflow).find((step) => step['name'] === name)
  assert.ok(found)
  return found
}

test('a playbook written as CACAO and read again does the same', () => {
  const made = written()
  assert.equal(made['spec_version'], 'cacao-2.0')
  assert.match(String(made['id']), /^playbook--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/)
  for (const key of Object.keys(made.workflow)) assert.match(key, /^(start|end|action|if-condition)--[0-9a-f-]{36}$/)
  const { name, spec: read } = fromCacao(JSON.parse(JSON.stringify(made)))
  assert.equal(name, 'stolen-session')
  const ids = ['hold', 'was-it-them', 'tell', 'give-back', 'pause', 'done']
  assert.deepEqual(new Set(read.steps.map(({ id }) => id)), new Set(ids))
  const byId = new Map(read.steps.map((step) => [step.id, step]))
  for (const step of spec.steps) {
    const again = byId.get(step.id)
    assert.deepEqual({ ...again, next: undefined }, { ...step, next: undefined })
  }
  assert.deepEqual(fromCacao(toCacao(name, read, { hash, nowMs: 0 })).spec, read, 'and so on')
})

test('what cannot be said here is refused with the step and the reason', () => {
  const cases: readonly (readonly [(made: Cacao) => void, RegExp])[] = [
    [
      (made) => (stepOf(made, 'hold')['type'] = 'while-condition'),
      /hold: steps of type while-condition are not supported/,
    ],
    [(made) => (stepOf(made, 'hold')['type'] = 'parallel'), /parallel are not supported/],
    [(made) => (stepOf(made, 'hold')['type'] = 'playbook-action'), /not supported/],
    [(made) => (stepOf(made, 'hold')['commands'] = [{ type: 'ssh', command: 'rm -rf /' }]), /commands of type ssh/],
    [(made) => (stepOf(made, 'hold')['commands'] = [{ type: 'manual', command: 'call the police' }]), /not supported/],
    [(made) => (stepOf(made, 'hold')['commands'] = []), /exactly one command/],
    [(made) => (stepOf(made, 'hold')['on_failure'] = 'end--x'), /on_failure of an action/],
    [(made) => (stepOf(made, 'was-it-them')['condition'] = '$$x:value > 5'), /only conditions on the answer/],
    [(made) => (stepOf(made, 'give-back')['on_completion'] = 'action--nowhere'), /there is no step action--nowhere/],
    [
      (made) => {
        const hold = Object.entries(made.workflow).find(([, step]) => step['name'] === 'hold')?.[0]
        stepOf(made, 'pause')['on_completion'] = hold
      },
      /may not loop/,
    ],
    [(made) => (made['spec_version'] = '1.1'), /no CACAO 2.0 playbook/],
    [(made) => (made.workflow_start = 'start--nothing'), /names no start step/],
    [(made) => (made['workflow_exception'] = 'x'), /workflow_exception/],
    [
      (made) => {
        stepOf(made, 'hold')['commands'] = [
          { type: 'manual', command: 'sallyport {"contain":{"subject":"everybody","for":"1h"}}' },
        ]
      },
      /steps/,
    ],
  ]
  for (const [change, message] of cases) {
    const made = written()
    change(made)
    assert.throws(
      () => fromCacao(made),
      (error: Error) => message.test(error.message),
      String(message),
    )
  }
  for (const nothing of [null, 1, [], {}, { type: 'playbook' }])
    assert.throws(() => fromCacao(nothing), { code: 'document-invalid' })
})
