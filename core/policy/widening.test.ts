// Ways to open an app to outsiders or to everybody without saying so. Each must be on the list.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TenantRecords } from '#core/records/records.ts'
import { rulesOf } from './tenant-rules.ts'
import { app, appGroup, group, organisation, permit, policy, user } from './testing.ts'
import { wideningsOf } from './widening.ts'

const nowMs = Date.parse('2026-06-01T10:00:00Z')
const path = (...names: readonly string[]) =>
  names.reduce<unknown>((left, attr) => ({ '.': { left, attr } }), { Var: 'context' })
const approved = path('approved')
const managed = { '>=': { left: path('device', 'posture'), right: { Value: 2 } } }
const outside = { '.': { left: { Var: 'principal' }, attr: 'outside' } }

const world: readonly TenantRecords[] = [
  group('everyone'),
  group('staff', ['everyone']),
  group('finance', ['staff']),
  group('helpers'),
  ...['ada', 'eva', 'ivo', 'uma'].map((name) => user(name, ['staff'])),
  user('fay', ['finance']),
  organisation('partner', ['wiki', 'payroll']),
  user('bob', ['helpers'], 'partner'),
  user('ben', [], 'partner'),
  appGroup('tools'),
  app('wiki', { groups: ['tools'] }),
  app('payroll'),
  app('db', { kind: 'tcp' }),
  permit('tools', 'Organisation', 'partner', 'AppGroup tools'),
  permit('staff', 'Group', 'staff', 'wiki'),
  permit('finance', 'Group', 'finance', 'payroll'),
  permit('own', 'User', 'ada', null),
]

/** Records of the same id take the place of what was there; `gone` are ids. */
function after(change: readonly TenantRecords[], gone: readonly string[] = []): readonly TenantRecords[] {
  const next = new Map(world.map((record) => [record.id, record]))
  for (const record of change) next.set(record.id, record)
  for (const id of gone) next.delete(id)
  return [...next.values()]
}

function opened(before: readonly TenantRecords[], then: readonly TenantRecords[]): string[] {
  return wideningsOf(rulesOf(before), rulesOf(then), nowMs).map(({ who, app: name }) => `${who}: ${name}`)
}
const openedBy = (change: readonly TenantRecords[], gone: readonly string[] = []) => opened(world, after(change, gone))

describe('the widening guard', () => {
  it('says nothing of a change that opens nothing, or opens apps to some of ours only', () => {
    assert.deepEqual(openedBy([]), [])
    assert.deepEqual(openedBy([permit('more', 'Group', 'finance', 'db'), user('new', ['finance'])]), [])
    assert.deepEqual(openedBy([], ['pol_tools', 'usr_ben']), [])
    assert.deepEqual(opened([], world), [], 'the first set-up')
  })

  it('is not mistaken when a group comes to hold nearly everybody because somebody comes or goes', () => {
    const few = world.filter(({ id }) => id !== 'usr_fay')
    const nine = [...few, ...['a', 'b', 'c', 'd'].map((name) => user(name, ['staff'])), user('sole')]
    assert.deepEqual(opened(nine, [...nine, user('new', ['staff'])]), [])
    assert.deepEqual(
      opened(
        nine,
        nine.filter(({ id }) => id !== 'usr_sole'),
      ),
      [],
    )
    const joined = nine.map((record) => (record.id === 'usr_sole' ? user('sole', ['staff']) : record))
    assert.deepEqual(opened(nine, joined), ['everyone (everyone, staff): wiki'])
  })

  it('sees a policy without a person, whatever its conditions', () => {
    for (const when of [undefined, managed, { '!': { arg: outside } }])
      assert.ok(openedBy([policy('permit', 'wild', null, 'db', when)]).includes('everyone: db'))
    const all = openedBy([policy('permit', 'wild', null, null)])
    assert.ok(all.includes('everyone: payroll') && all.includes('organisation partner: payroll'))
  })

  it('sees a group that holds everybody', () => {
    assert.deepEqual(openedBy([permit('all', 'Group', 'everyone', 'payroll')]), ['everyone (everyone, staff): payroll'])
    assert.deepEqual(openedBy([permit('all', 'Group', 'staff', 'payroll')]), ['everyone (everyone, staff): payroll'])
  })

  it('sees groups that are nested so that everybody or an outsider is inside', () => {
    assert.deepEqual(openedBy([group('everyone', ['finance']), group('finance')]), ['everyone (finance): payroll'])
    assert.deepEqual(openedBy([group('helpers', ['finance'])]), ['user bob of partner: payroll'])
  })

  it('sees an outsider who is put into a group of ours, and one who is let in again', () => {
    assert.deepEqual(openedBy([user('ben', ['finance'], 'partner')]), ['user ben of partner: payroll'])
    const without = after([user('ben', ['finance'], 'partner', 'disabled')])
    assert.deepEqual(opened(without, after([user('ben', ['finance'], 'partner')])), [
      'user ben of partner: wiki',
      'user ben of partner: payroll',
    ])
  })

  it('sees that a forbid is gone, or narrower', () => {
    const wide = permit('wide', 'Organisation', 'partner', 'payroll')
    const forbid = policy('forbid', 'stop', null, 'payroll', outside)
    const guarded = [...after([wide, forbid])]
    assert.deepEqual(opened(world, guarded), [])
    assert.deepEqual(opened(guarded, after([wide])), ['organisation partner: payroll'])
    const narrower = policy('forbid', 'stop', { type: 'User', id: 'ben' }, 'payroll', outside)
    assert.ok(opened(guarded, after([wide, narrower])).includes('organisation partner: payroll'))
  })

  it('sees that a condition on approvals or devices is gone', () => {
    const asked = [permit('asked', 'Organisation', 'partner', 'payroll', approved)]
    assert.deepEqual(openedBy(asked), [], 'somebody entitled says yes to each request')
    assert.deepEqual(openedBy([policy('permit', 'ask', null, null, approved), app('new')]), [])
    assert.deepEqual(opened(after(asked), after([permit('asked', 'Organisation', 'partner', 'payroll')])), [
      'organisation partner: payroll',
    ])
    const device = [permit('device', 'Organisation', 'partner', 'payroll', managed)]
    const found = wideningsOf(
      rulesOf(after(device)),
      rulesOf(after([permit('device', 'Organisation', 'partner', 'payroll')])),
      nowMs,
    )
    assert.deepEqual(
      found.map(({ who, circumstances }) => `${who} ${circumstances}`),
      ['organisation partner without a known device'],
    )
  })

  it('sees an app that is put into a group of apps, switched on, or added', () => {
    assert.deepEqual(openedBy([app('payroll', { groups: ['tools'] })]), ['organisation partner: payroll'])
    const off = after([app('wiki', { groups: ['tools'], isEnabled: false })])
    assert.ok(opened(off, world).includes('organisation partner: wiki'))
    const added = [app('new', { groups: ['tools'] }), organisation('partner', ['wiki', 'payroll', 'new'])]
    assert.deepEqual(openedBy(added), ['organisation partner: new'])
  })

  it('sees a contract with more apps, a longer one, and a new organisation', () => {
    const base = after([permit('all', 'Organisation', 'partner', null)])
    const more = after([
      permit('all', 'Organisation', 'partner', null),
      organisation('partner', ['wiki', 'payroll', 'db']),
    ])
    assert.deepEqual(opened(base, more), ['organisation partner: db'])
    const over = after([{ ...organisation('partner', ['wiki']), untilMs: nowMs - 1 }])
    assert.deepEqual(opened(over, world), ['organisation partner: wiki'])
    const other = [organisation('other', ['wiki']), permit('other', 'Organisation', 'other', 'wiki')]
    assert.deepEqual(openedBy(other), ['organisation other: wiki'])
  })

  it('takes a new person of an organisation for granted who gets what the organisation has, and no more', () => {
    assert.deepEqual(openedBy([user('new', [], 'partner')]), [])
    assert.deepEqual(openedBy([user('new', ['finance'], 'partner')]), ['user new of partner: payroll'])
  })

  it('is not led astray by conditions that cannot be worked out', () => {
    const odd = {
      if: { '==': { left: path('risk'), right: { Value: 7 } } },
      then: { Value: true },
      else: { Value: false },
    }
    const overflow = {
      '>': { left: { '+': { left: path('risk'), right: { Value: 9223372036854775807n } } }, right: { Value: 0 } },
    }
    for (const when of [
      { 'if-then-else': odd },
      { '||': { left: overflow, right: { Value: true } } },
      { contains: { left: path('session', 'factors'), right: { Value: 'x' } } },
      { '!': { arg: { '&&': { left: managed, right: { Value: false } } } } },
    ])
      assert.deepEqual(openedBy([permit('odd', 'Organisation', 'partner', 'payroll', when)]), [
        'organisation partner: payroll',
      ])
    // A forbid that may not apply protects nobody.
    const maybe = policy('forbid', 'maybe', null, 'payroll', { '>': { left: path('risk'), right: { Value: 50 } } })
    assert.deepEqual(openedBy([permit('x', 'Organisation', 'partner', 'payroll'), maybe]), [
      'organisation partner: payroll',
    ])
  })
})
