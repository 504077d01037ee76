// Applying under attack and under power cuts: all of it or nothing.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { lastSequence } from '#control/store/changes.ts'
import { loadTenant } from '#control/records/load.ts'
import { startTestControl, tokenOf } from '#control/testing.ts'
import { changedFields } from './difference.ts'
import { readDocuments } from './document-faults.ts'

describe('a control plane that is killed inside apply', () => {
  it('keeps what was acknowledged and nothing of what was not, and goes on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-crash-'))
    const child = spawn(process.execPath, [new URL('crash-writer.ts', import.meta.url).pathname, folder], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const signal = await new Promise((resolve) => child.once('close', (_code, by) => resolve(by)))
    assert.equal(signal, 'SIGKILL')
    const [acknowledged, inside] = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.ok(inside.inside > 1500, 'it was in the middle')

    await using test = await startTestControl({}, folder)
    const handle = test.context.store.forTenant(acknowledged.tenantId)
    const rows = await handle.selectFrom('resources').selectAll().execute()
    assert.equal(rows.filter(({ name }) => name.startsWith('half-')).length, 0)
    assert.match(rows.find(({ name }) => name === 'wiki')?.spec ?? '', /wiki\.internal/)
    assert.equal(await lastSequence(handle), acknowledged.sequence)
    const mirror = await test.context.mirrors.current(acknowledged.tenantId)
    const { records } = await loadTenant(acknowledged.tenantId, {
      ...test.context,
      appsDomain: test.context.config.appsDomain,
      identityCaPem: test.context.authority.identityCaPem,
    })
    assert.deepEqual([...mirror.records()], records)
    assert.equal(test.control.firstInvitation, null, 'the second start makes no administrator')
    const ada = rows.find(({ name }) => name === 'root-user')
    const token = await tokenOf(test, acknowledged.tenantId, ada?.id ?? '', 'tenant-admin')
    const again = await test.call('/v1/tenants/acme/apply', {
      token,
      body: { documents: [{ kind: 'Group', name: 'half-1', spec: {} }] },
    })
    assert.equal(again.status, 200, again.text)
  })
})

describe('documents', () => {
  it('never throw anything but a list of faults with places, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.anything(), { maxLength: 5 }), (values) => {
        const { documents, faults } = readDocuments(values)
        assert.ok(faults.every(({ at }) => /^documents\[\d\]/.test(at)))
        assert.ok(documents.length + faults.length >= values.length)
      }),
    )
  })

  it('never show the value of a field that is wrong', () => {
    const { faults } = readDocuments([
      {
        kind: 'IdentityProvider',
        name: 'x',
        spec: { issuer: 'not a url hunter2', clientId: 'a', clientSecrets: 'hunter2' },
      },
    ])
    assert.ok(faults.length > 0)
    assert.equal(JSON.stringify(faults).includes('hunter2'), false)
  })

  it('differ in exactly the fields that differ', () => {
    assert.deepEqual(changedFields({ a: 1, b: { c: [1], d: 2 } }, { a: 1, b: { c: [2], d: 2 }, e: 3 }), ['b.c', 'e'])
    fc.assert(
      fc.property(fc.jsonValue(), (value) => assert.deepEqual(changedFields(value, structuredClone(value)), [])),
    )
  })
})
