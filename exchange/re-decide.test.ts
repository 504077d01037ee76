// Which flows a change touches, what time alone ends, and that nothing else is disturbed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startConnector } from '#connector/connector.ts'
import { Identity } from '#connector/identity.ts'
import type { Change } from '#core/records/records.ts'
import { LiveFlows, type Flow } from './flows/live-flows.ts'
import { createReDecide } from './re-decide.ts'
import { containmentRecord, userRecord, policyRecord } from './testing/records.ts'
import { closeOf, startWorld } from './testing/world.ts'

function flowOf(flows: LiveFlows, name: string, tenantId = 'ten_1', onReconsider = () => {}): Flow {
  const flow: Flow = {
    id: name,
    tenantId,
    access: {
      userId: `usr_${name}`,
      sessionId: `ses_${name}`,
      deviceId: `dev_${name}`,
      appId: `app_${name}`,
      connectorId: `con_${name}`,
      clientIp: '192.0.2.1',
      http: null,
    },
    way: 'sealed',
    openedAtMs: 0,
    reconsiderAtMs: Infinity,
    isListed: true,
    reconsider() {
      onReconsider()
      flows.remove(flow)
      return 1
    },
    cut: () => 1,
    bytes: () => ({ in: 0, out: 0 }),
    policies: () => [],
  }
  flows.add(flow)
  return flow
}

test('a change of one thing touches the flows that rest on it and no others', async () => {
  const remove = (kind: 'session' | 'user' | 'device' | 'app' | 'connector', id: string): Change => ({
    op: 'remove',
    kind,
    id,
  })
  for (const change of [
    remove('session', 'ses_a'),
    remove('user', 'usr_a'),
    remove('device', 'dev_a'),
    remove('app', 'app_a'),
    remove('connector', 'con_a'),
    { op: 'put', record: { ...userRecord('a'), id: 'usr_a' } },
    {
      op: 'put',
      record: containmentRecord('device', 'dev_a', { expiresAtMs: 1 }),
    },
  ] satisfies Change[]) {
    const flows = new LiveFlows(Date.now)
    flowOf(flows, 'a')
    const other = flowOf(flows, 'b')
    const sameIdElsewhere = flowOf(flows, 'a', 'ten_2')
    assert.equal(await createReDecide({ flows }).afterChanges('ten_1', [change]), 1)
    assert.deepEqual([...flows], [other, sameIdElsewhere])
  }
})

test('a change of policy touches every flow of the tenant, in slices that let traffic through', async () => {
  const flows = new LiveFlows(Date.now)
  let nowMs = 0
  let turns = 0
  for (let at = 0; at < 100; at++) flowOf(flows, `f${at}`, 'ten_1', () => void (nowMs += 1))
  const other = flowOf(flows, 'other', 'ten_2')
  const counting = setInterval(() => {}, 1000)
  const tick = () => {
    turns++
    if (flows.count > 1) setImmediate(tick)
  }
  setImmediate(tick)
  const reDecide = createReDecide({ flows, clock: () => nowMs })
  assert.equal(await reDecide.afterChanges('ten_1', [{ op: 'put', record: policyRecord('p') }]), 100)
  clearInterval(counting)
  assert.ok(turns >= 9, `${turns} turns`)
  assert.deepEqual([...flows], [other])
})

test('what names a session does not wait for what concerns the whole tenant', () => {
  const flows = new LiveFlows(Date.now)
  const order: string[] = []
  for (const name of ['x', 'y', 'a']) flowOf(flows, name, 'ten_1', () => order.push(name))
  const changes: Change[] = [
    { op: 'put', record: policyRecord('p') },
    { op: 'remove', kind: 'session', id: 'ses_a' },
  ]
  void createReDecide({ flows }).afterChanges('ten_1', changes)
  assert.equal(order[0], 'a')
})

test('limits hold per session, per tenant and in all', () => {
  const flows = new LiveFlows(Date.now, { perSession: 1, perTenant: 2, total: 3 })
  flowOf(flows, 'a')
  assert.throws(() => flows.refuseOverLimit('ten_1', 'ses_a'), { code: 'at-capacity' })
  flows.refuseOverLimit('ten_1', 'ses_b')
  flowOf(flows, 'b')
  assert.throws(() => flows.refuseOverLimit('ten_1', 'ses_c'), { code: 'at-capacity' })
  flows.refuseOverLimit('ten_2', 'ses_c')
  flowOf(flows, 'c', 'ten_2')
  assert.throws(() => flows.refuseOverLimit('ten_3', 'ses_d'), { code: 'at-capacity' })
})

test('a flow ends with its session by the clock alone, also when the end came nearer', async () => {
  await using world = await startWorld()
  await using _ = await world.link({ Identity, startConnector })
  const socket = world.door('acme.proxy.sallyport.test')
  socket.write('CONNECT ssh.acme.internal:22 HTTP/1.1\r\nHost: ssh.acme.internal:22\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  const closed = closeOf(socket)
  const record = { ...world.agentSession, expiresAtMs: Date.now() + 300 }
  const receipt = await world.control.change(world.acme, { op: 'put', record })
  assert.equal(receipt.cutFlows, 0)
  await closed
  assert.ok(Date.now() >= record.expiresAtMs)
})
