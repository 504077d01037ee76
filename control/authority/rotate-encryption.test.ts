import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { isFault } from '#core/fault.ts'
import { furnish } from '#control/api/isolation.ts'
import { migrations } from '#control/store/migrate.ts'
import { openRowSnapshot } from '#control/store/row-snapshot.ts'
import { startTestControl, type TestControl } from '#control/testing.ts'
import { readKeyFile, writeKeyFile } from './key-encryption.ts'
import { rotateEncryption } from './rotate-encryption.ts'
import { sealedPlaces } from './sealed-places.ts'

const deps = { nowMs: Date.now, signal: new AbortController().signal, settleMs: 1500 }
const storeOf = (test: TestControl) => ({ kind: 'sqlite', path: join(test.folder, 'control.db') }) as const
const keyFileOf = (test: TestControl) => join(test.folder, 'kek')

/** `table.column` → what its values begin with. */
async function sealedIn(test: TestControl): Promise<Map<string, Set<string>>> {
  const found = new Map<string, Set<string>>()
  await using snapshot = await openRowSnapshot(storeOf(test), test.folder)
  for await (const { table, rows } of snapshot.batches())
    for (const row of rows)
      for (const [column, value] of Object.entries(row))
        if (typeof value === 'string' && /^s\d\./.test(value))
          found.getOrInsertComputed(`${table}.${column}`, () => new Set()).add(value.split('.').slice(0, 2).join('.'))
  return found
}

describe('the key-encryption key', () => {
  it('changes while control is at work, and the old one opens nothing afterwards', async () => {
    await using test = await startTestControl({}, undefined, { keep: true })
    const acme = await furnish(test, 'acme', '-of-acme')
    const [oldKey] = readKeyFile(keyFileOf(test))
    const before = await sealedIn(test)
    assert.ok(before.size >= 3)
    let isDone = false
    let answers = 0
    const working = (async () => {
      while (!isDone) {
        const name = `invited-${answers++}`
        await acme.call(`/resources/users/${name}`, { spec: {} }, 'PUT')
        await acme.call(`/users/${name}/invitation`, {})
      }
    })()
    const { resealed } = await rotateEncryption(keyFileOf(test), storeOf(test), deps)
    isDone = true
    await working
    assert.ok(answers > 3)
    assert.ok(resealed >= before.size)
    const keys = readKeyFile(keyFileOf(test))
    assert.equal(keys.length, 1)
    assert.notDeepEqual(keys[0], oldKey)
    assert.equal(statSync(keyFileOf(test)).mode & 0o777, 0o600)
    const after = await sealedIn(test)
    for (const place of before.keys()) assert.ok(after.has(place), place)
    const prefixes = new Set([...after.values()].flatMap((one) => [...one]))
    assert.equal(prefixes.size, 1)
    for (const prefix of before.values()) for (const one of prefix) assert.equal(prefixes.has(one), false)
    assert.equal((await test.call('/v1/tenants/acme/resources/apps', { token: acme.token })).status, 200)
    await test.close()
    await using again = await startTestControl({}, test.folder)
    assert.deepEqual(again.control.webCaPem, test.control.webCaPem)
  })

  it('stays when something opens under no key, and the next try goes on with the new one', async () => {
    await using test = await startTestControl()
    await furnish(test, 'acme', '-of-acme')
    const [old] = readKeyFile(keyFileOf(test))
    const lost = {
      id: 'lost',
      purpose: 'lost',
      sealed: 's2.AAAAAAAAAA.AAAA',
      publicPem: '',
      createdAtMs: 1,
      retiredAtMs: 1,
    }
    const provider = test.context.store.forTenant(test.context.config.providerId)
    await provider.insertInto('keys', lost).execute()
    const rotating = rotateEncryption(keyFileOf(test), storeOf(test), deps)
    await assert.rejects(rotating, (error) => isFault(error, 'store-failed') && /keys\.sealed/.test(error.hint ?? ''))
    const [next, kept] = readKeyFile(keyFileOf(test))
    assert.deepEqual(kept, old)
    await provider.deleteFrom('keys').where('keys.id', '=', 'lost').execute()
    await rotateEncryption(keyFileOf(test), storeOf(test), deps)
    assert.deepEqual(readKeyFile(keyFileOf(test)), [next])
  })

  it('is refused from a file with anything else in it', async () => {
    await using test = await startTestControl()
    const text = readFileSync(keyFileOf(test), 'utf8')
    for (const wrong of ['', 'short\n', `${text}${text.slice(0, 20)}\n`, text.repeat(9)]) {
      writeFileSync(keyFileOf(test), wrong)
      assert.throws(
        () => readKeyFile(keyFileOf(test)),
        (error) => isFault(error, 'configuration-invalid'),
        wrong,
      )
    }
    writeKeyFile(keyFileOf(test), readKeyFileText(text))
  })

  it('knows every place of the store that is sealed', async () => {
    const known = new Set(Object.values(sealedPlaces).map(({ table, column }) => `${table}.${column}`))
    await using test = await startTestControl()
    await using snapshot = await openRowSnapshot(storeOf(test), test.folder)
    assert.equal(snapshot.migrations.length, migrations.length)
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(storeOf(test).path, { readOnly: true })
    const columns = database
      .prepare(
        `select m.name || '.' || c.name as place from sqlite_master m, pragma_table_info(m.name) c
         where m.type = 'table' and lower(c.name) like '%sealed%'`,
      )
      .all()
    database.close()
    assert.ok(columns.length >= 8)
    for (const { place } of columns) assert.ok(known.has(String(place)), `${String(place)} would be lost`)
  })
})

function readKeyFileText(text: string): Buffer[] {
  return [Buffer.from(text.trim(), 'base64url')]
}
