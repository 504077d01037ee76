import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { isFault } from '#core/fault.ts'
import { runConformance } from './conformance.ts'
import { evaluateFile, type FileAnswer } from './evaluate-file.ts'
import { parseUidText } from './uid-text.ts'

const root = await mkdtemp(join(tmpdir(), 'cedar-files-'))
after(() => rm(root, { recursive: true }))

async function put(name: string, content: unknown): Promise<string> {
  const path = join(root, name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const schema = `
  entity Team;
  entity Person in [Team] { home: ipaddr, boss?: Person, limit: Long } tags Set<decimal>;
  entity Door { open: Bool };
  action any;
  action enter in [any] appliesTo { principal: Person, resource: Door, context: { from: ipaddr, at: datetime, with?: Person } };
`
const entities = `[
  {"uid": {"type": "Person", "id": "ann"}, "attrs": {"home": "10.1.0.0/16", "boss": {"type": "Person", "id": "bo"}, "limit": 9223372036854775807},
   "parents": [{"type": "Team", "id": "red"}], "tags": {"k": ["1.50"]}},
  {"uid": {"type": "Door", "id": "front"}, "attrs": {"open": true}, "parents": []}
]`
const context = { from: '10.1.2.3', at: '2026-01-01T00:00:00Z', with: { type: 'Person', id: 'bo' } }
const filler = Array.from({ length: 11 }, () => 'permit(principal == Person::"nobody", action, resource);').join('\n')
const policies = `${filler}
// policy11
permit(principal in Team::"red", action in Action::"any", resource) when {
  context.from.isInRange(principal.home) && context.with == principal.boss && principal.limit == 9223372036854775807
  && principal.getTag("k").contains(decimal("1.5")) && context.at < datetime("2026-01-02")
};
permit(principal, action, resource) when { principal.limit + 1 > 0 };`
const expected = { decision: 'allow', reasons: ['policy11'], errors: ['policy12'] }

function shown({ decision, reasons, errors }: FileAnswer): unknown {
  return { decision, reasons, errors }
}

test('reads values by the schema, and both engines give one answer, with more than 11 policies', async () => {
  const files = {
    policies: await put('p.cedar', policies),
    entities: await put('e.json', entities),
    request: await put('r.json', {
      principal: 'Person::"ann"',
      action: { type: 'Action', id: 'enter' },
      resource: 'Door::"front"',
      context,
    }),
    schema: await put('s.cedarschema', schema),
  }
  assert.deepEqual(shown(await evaluateFile(files)), expected)
  assert.deepEqual(shown(await evaluateFile({ ...files, engine: 'official' })), expected)
})

test('reads a schema in JSON and policies in JSON with linked templates', async () => {
  const template = {
    effect: 'permit',
    principal: { op: 'in', slot: '?principal' },
    action: { op: 'All' },
    resource: { op: 'All' },
    conditions: [],
  }
  const files = {
    policies: await put('set.json', {
      staticPolicies: {},
      templates: { t: template },
      templateLinks: [{ templateId: 't', newId: 'link', values: { '?principal': { type: 'Team', id: 'red' } } }],
    }),
    entities: await put('e2.json', [
      { uid: { type: 'Person', id: 'ann' }, attrs: {}, parents: [{ type: 'Team', id: 'red' }] },
    ]),
    request: await put('r2.json', { principal: 'Person::"ann"', action: 'Action::"enter"', resource: 'Door::"front"' }),
    schema: await put('s.json', {
      '': {
        entityTypes: { Team: {}, Door: {}, Person: { memberOfTypes: ['Team'] } },
        actions: { enter: { appliesTo: { principalTypes: ['Person'], resourceTypes: ['Door'] } } },
      },
    }),
  }
  for (const engine of ['compiled', 'official'] as const) {
    assert.deepEqual(shown(await evaluateFile({ ...files, engine })), {
      decision: 'allow',
      reasons: ['link'],
      errors: [],
    })
  }
})

test('gives a clear fault for input that cannot be read', async () => {
  const good = {
    policies: await put('g.cedar', 'permit(principal, action, resource);'),
    entities: await put('g-e.json', []),
    request: await put('g-r.json', {
      principal: 'Person::"ann"',
      action: 'Action::"enter"',
      resource: 'Door::"front"',
      context,
    }),
    schema: await put('g-s.cedarschema', schema),
  }
  assert.deepEqual(shown(await evaluateFile(good)), { decision: 'allow', reasons: ['policy0'], errors: [] })
  const invalid = (code: 'document-invalid' | 'policy-invalid' | 'not-found') => (error: unknown) =>
    isFault(error, code)
  await assert.rejects(
    evaluateFile({ ...good, policies: await put('b.cedar', 'permit(principal, action);') }),
    invalid('policy-invalid'),
  )
  await assert.rejects(evaluateFile({ ...good, policies: join(root, 'none') }), invalid('not-found'))
  await assert.rejects(evaluateFile({ ...good, entities: await put('b.json', '[{') }), invalid('document-invalid'))
  await assert.rejects(
    evaluateFile({
      ...good,
      entities: await put('b2.json', [{ uid: { type: 'Nobody', id: 'x' }, attrs: {}, parents: [] }]),
    }),
    invalid('document-invalid'),
  )
  await assert.rejects(
    evaluateFile({
      ...good,
      request: await put('b3.json', { principal: 'Person::ann', action: 'Action::"enter"', resource: 'Door::"front"' }),
    }),
    invalid('document-invalid'),
  )
  const wrongContext = await put('b4.json', {
    principal: 'Person::"ann"',
    action: 'Action::"enter"',
    resource: 'Door::"front"',
    context: { from: 'no address', at: '2026-01-01' },
  })
  await assert.rejects(evaluateFile({ ...good, request: wrongContext }), invalid('document-invalid'))
  await assert.rejects(
    evaluateFile({ ...good, schema: await put('b.cedarschema', 'entity {') }),
    invalid('policy-invalid'),
  )
})

test('reads entity names with the escapes that Cedar has, and nothing else', () => {
  assert.deepEqual(parseUidText('A::B::"x\\"y\\u{1F600}\\n::\\""'), { type: 'A::B', id: 'x"y😀\n::"' })
  assert.deepEqual(parseUidText('User::""'), { type: 'User', id: '' })
  for (const bad of [
    'User',
    'User::"',
    '::"x"',
    'User::"a"b"',
    'User::"\\q"',
    'User::"\\u{D800}"',
    'if::"x"',
    'User::"x" ',
  ]) {
    assert.throws(
      () => parseUidText(bad),
      (error) => isFault(error, 'document-invalid'),
      bad,
    )
  }
})

test('counts what is equal, different and not run in the public test format', async () => {
  await put('suite/data/p.cedar', policies)
  await put('suite/data/e.json', entities)
  await put('suite/data/s.cedarschema', schema)
  await put('outside.cedar', 'permit(principal, action, resource);')
  const request = {
    description: 'ann enters',
    principal: { type: 'Person', id: 'ann' },
    action: { type: 'Action', id: 'enter' },
    resource: { type: 'Door', id: 'front' },
    context,
    decision: 'allow',
    reason: ['policy11'],
    errors: ['policy12'],
  }
  const files = {
    policies: 'data/p.cedar',
    entities: 'data/e.json',
    schema: 'data/s.cedarschema',
    shouldValidate: false,
  }
  await put('suite/tests/a.json', {
    ...files,
    requests: [request, { ...request, decision: 'deny' }, { ...request, context: {} }],
  })
  await put('suite/tests/b.json', { ...files, policies: '../outside.cedar', requests: [request] })
  await put('suite/tests/c.json', { ...files, policies: 'data/none.cedar', requests: [request] })
  await put('suite/tests/d.json', { ...files, shouldValidate: true, requests: [] })
  const report = await runConformance(join(root, 'suite'))
  assert.equal(report.summary, '1 equal, 2 different, 3 not run')
  assert.deepEqual(
    report.entries.map(({ file, outcome }) => `${file} ${outcome}`),
    [
      'tests/a.json different',
      'tests/a.json not-run',
      'tests/b.json not-run',
      'tests/c.json not-run',
      'tests/d.json different',
    ],
  )
  for (const { detail } of report.entries) assert.ok(detail.length > 10)
})
