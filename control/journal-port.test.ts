// What a stolen exchange must not be able to write into a tenant's journal, and whose word an event is said to be.
import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { journalEvent, type EventFacts } from '#core/events/event.ts'
import { isFault } from '#core/fault.ts'
import { isId, newId } from '#core/ids.ts'
import { formatWriter } from '#journal/layout.ts'
import { formatLine, genesisHash, hashPrefix, hashRecord } from '#journal/record.ts'
import { encodeBatch } from '#journal/shipment.ts'
import { signCheckpoint } from '#journal/statement.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { isOfExchange } from './journal-port.ts'
import { addTenantWithAdministrator, startTestControl } from './testing.ts'

const tenant = newId('tenant')
const writer = newId('exchange')
const facts = (changes: Partial<EventFacts> = {}): EventFacts => ({
  uid: 'x',
  timeMs: 5,
  tenantId: tenant,
  outcome: 'success',
  exchangeId: writer,
  ...changes,
})

describe('an exchange', () => {
  it('writes decisions and traffic of its own', () => {
    for (const event of [
      journalEvent('authorization', 'decide', facts()),
      journalEvent('network', 'close', facts()),
      journalEvent('network', 'refuse', facts()),
      journalEvent('http', 'get', facts()),
      journalEvent('finding', 'create', facts({ extra: { web: { verdict: 'malicious' } } })),
    ])
      assert.equal(isOfExchange(event, { tenant, writer }), true)
  })

  it('writes nothing in the name of control, of another exchange or about another tenant', () => {
    const own = journalEvent('http', 'get', facts())
    for (const event of [
      journalEvent('apiActivity', 'update', facts()),
      journalEvent('authentication', 'signIn', facts()),
      journalEvent('finding', 'create', facts()),
      journalEvent('finding', 'create', {
        ...facts({ extra: { web: {} } }),
        finding: { uid: 'sty_1', title: 'x', types: ['car-park'], firstMs: 1, lastMs: 2 },
      }),
      journalEvent('http', 'get', facts({ exchangeId: newId('exchange') })),
      journalEvent('http', 'get', facts({ exchangeId: null })),
      journalEvent('http', 'get', facts({ tenantId: newId('tenant') })),
      { ...own, category_uid: 6 },
      { ...own, type_uid: 600303 },
      { ...own, class_uid: '4002' },
      { ...own, metadata: null },
      // A time that is none makes every page fail that has to show it.
      ...[1e300, -1, 1.5, Number.NaN, '5', null, 253_402_300_800_000].map((time) => ({ ...own, time })),
      {},
    ])
      assert.equal(isOfExchange(event, { tenant, writer }), false, JSON.stringify(event))
  })

  it('that ships an administrative act is refused; what it may ship is shown as its word', async () => {
    const test = await startTestControl()
    const acme = await addTenantWithAdministrator(test, 'acme')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const { store, journal } = test.context
    await store.provider
      .insertInto('exchanges', {
        id: writer,
        name: 'stolen',
        keyThumbprint: 'k',
        status: 'active',
        address: '',
        software: '',
        assertionKey: null,
        journalKeys: JSON.stringify([pem]),
        tenantIds: null,
        createdAtMs: 1,
        lastSeenAtMs: null,
        certificateUntilMs: null,
      })
      .execute()
    await journal.keysChanged()
    const { id } = acme
    assert.ok(isId('tenant', id))
    type Made = { readonly sequence: number; readonly hash: string }
    const make = (event: object, epoch: number, after?: Made) => {
      const place = { tenant: id, writer: formatWriter(writer, epoch) }
      const [json, previousHash] = [JSON.stringify(event), after?.hash ?? genesisHash(place)]
      const sequence = (after?.sequence ?? 0) + 1
      const hash = hashRecord(hashPrefix(place), sequence, previousHash, 5, json)
      const signer = { keyId: keyThumbprint(publicKey), sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) }
      const end = { segment: 1, sequence, hash, earliestMs: 5, latestMs: 5, timeMs: 5 }
      const checkpoint = signCheckpoint({ kind: 'checkpoint', ...place, ...end }, signer)
      const lines = Buffer.from(formatLine(sequence, 5, hash, json))
      const batch = encodeBatch({ ...place, segment: 1, firstSequence: sequence, previousHash, lines, checkpoint })
      return { sequence, hash, batch: Buffer.from(batch).toString('base64') }
    }
    const ship = async (event: object, epoch = 1, after?: Made) => {
      const { batch, ...end } = make(event, epoch, after)
      return { said: JSON.stringify(await journal.receive(writer, () => true, batch)), ...end }
    }
    const by = { tenantId: acme.id, user: { uid: 'usr_alice', name: 'alice' } }
    const forged = journalEvent('apiActivity', 'update', facts({ ...by, api: { operation: 'putAdministrator' } }))
    const first = await ship(forged)
    assert.match(first.said, /acknowledged.*refused/)
    const { said } = await ship(journalEvent('http', 'get', facts(by)), 1, first)
    assert.match(said, /acknowledged/)
    assert.doesNotMatch(said, /refused/, 'what follows a refused event in the same chain is taken')
    const { body } = await test.call('/v1/tenants/acme/events?limit=100', { token: acme.token })
    const items: { writer: string; event: { class_uid: number } }[] = body.items
    assert.deepEqual(
      items.filter(({ writer: of }) => of === writer).map(({ event }) => event.class_uid),
      [4002, 0],
      'the forgery is a mark that says nothing of what it said',
    )
    assert.doesNotMatch(JSON.stringify(items), /putAdministrator/)
    assert.ok(items.every(({ writer: of }) => of === writer || of === 'control'))

    let epoch = 2
    const pile = async () => {
      for (; epoch < 100; epoch++) await ship(journalEvent('http', 'get', facts(by)), epoch)
    }
    await assert.rejects(pile(), (error) => isFault(error, 'at-capacity'))
    await assert.rejects(pile(), (error) => isFault(error, 'at-capacity'))
    assert.ok(epoch < 10, `${epoch} epochs were taken`)
    const found = (await test.call('/v1/tenants/acme/events?limit=100&class=2004', { token: acme.token })).body.items
    assert.equal(found.length, 1 + 1, 'one finding about the forgery, one about the pile')
    assert.match(JSON.stringify(found[0]), /journal-too-many-epochs/)
    assert.match(JSON.stringify(found[1]), /journal-record-refused/)
    await test.close()
  })
})
