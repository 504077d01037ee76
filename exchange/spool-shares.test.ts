// One person, or one tenant, must not fill the spool while control is away: who shares it with them would be denied.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault, isFault } from '#core/fault.ts'
import { newId, type TenantId } from '#core/ids.ts'
import { withShares } from './spool-shares.ts'

const event = (user: string | null, bytes = 1000) => ({
  ...(user !== null && { actor: { user: { uid: user } } }),
  message: 'x'.repeat(bytes),
})

function setUp(maxBytes: number) {
  const state = { bytes: 0, nowMs: 0 }
  const written: TenantId[] = []
  const append = (tenantId: TenantId, of: object) => {
    const bytes = JSON.stringify(of).length
    if (state.bytes + bytes > maxBytes) throw new Fault('journal-full')
    state.bytes += bytes
    written.push(tenantId)
  }
  const status = () => ({ bytes: state.bytes, maxBytes })
  const sink = withShares({ append, stage: append, status }, () => state.nowMs)
  const fill = (tenantId: TenantId, user: string | null) => {
    for (let count = 0; ; count++) {
      state.nowMs += 10
      try {
        sink.append(tenantId, event(user))
      } catch (error) {
        assert.ok(isFault(error, 'journal-full'))
        return count
      }
    }
  }
  return { sink, state, written, fill }
}

test('a person who fills the spool is stopped while there is room for everybody else', () => {
  const { sink, state, fill } = setUp(10_000_000)
  const tenant = newId('tenant')
  fill(tenant, 'usr_flood')
  assert.ok(state.bytes < 10_000_000 * 0.55, `${state.bytes} bytes are taken`)
  sink.append(tenant, event('usr_alice'))
  sink.append(newId('tenant'), event('usr_bob'))
  assert.throws(
    () => sink.append(tenant, event('usr_flood')),
    (error) => isFault(error, 'journal-full'),
  )
  assert.throws(
    () => sink.stage(tenant, event('usr_flood')),
    (error) => isFault(error, 'journal-full'),
  )
})

test('a tenant, with however many people, leaves room for the others', () => {
  const { sink, state, fill } = setUp(10_000_000)
  const tenant = newId('tenant')
  for (let at = 0; at < 200; at++) fill(tenant, `usr_${at}`)
  fill(tenant, null)
  assert.ok(state.bytes < 10_000_000 * 0.8, `${state.bytes} bytes are taken`)
  sink.append(newId('tenant'), event('usr_bob'))
})

test('shares count from when the spool gets tight, and are forgotten when control has taken it', () => {
  const { sink, state, fill } = setUp(10_000_000)
  const tenant = newId('tenant')
  for (let at = 0; at < 3000; at++) sink.append(tenant, event('usr_busy'))
  fill(tenant, 'usr_busy')
  state.bytes = 0
  state.nowMs += 10_000
  sink.append(tenant, event('usr_busy'))
})
