// Ways to open an app to outsiders or to everybody without saying so. Each must be on the list.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ClaimMapping, claimWidenings } from './claim-widening.ts'
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

  it('names the policy by which each is open, or the forbid that stopped it', () => {
    const causeOf = (before: readonly TenantRecords[], then: readonly TenantRecords[]) =>
      wideningsOf(rulesOf(before), rulesOf(then), nowMs).map(({ who, app: name, policies, cause }) => [
        who,
        name,
        policies,
        cause,
      ])
    assert.deepEqual(causeOf(world, after([permit('all', 'Group', 'everyone', 'payroll')])), [
      ['everyone (everyone, staff)', 'payroll', ['all'], 'by "all"'],
    ])
    const wide = permit('wide', 'Organisation', 'partner', 'payroll')
    const forbid = policy('forbid', 'stop', null, 'payroll', outside)
    assert.deepEqual(causeOf(after([wide, forbid]), after([wide])), [
      ['organisation partner', 'payroll', ['wide'], '"stop" no longer stops "wide"'],
    ])
    const over = after([{ ...organisation('partner', ['wiki']), untilMs: nowMs - 1 }])
    const [first] = causeOf(over, world)
    assert.deepEqual(first, [
      'organisation partner',
      'wiki',
      ['tools'],
      '"tools" applies, and the app or the contract lets them now',
    ])
    assert.deepEqual(causeOf(world, after([user('ben', ['finance'], 'partner')]))[0]?.slice(2), [
      ['finance'],
      'by "finance"',
    ])
    const many = Array.from({ length: 5 }, (_, n) => permit(`many${n}`, 'Organisation', 'partner', 'payroll'))
    assert.equal(causeOf(world, after(many))[0]?.[3], 'by "many0", "many1", "many2" and 2 more')
  })

  it('does not count what only an approved request opens, however many apps come', () => {
    const asked = after([policy('permit', 'approved-requests', null, null, approved)])
    const more = Array.from({ length: 5 }, (_, n) => app(`new${n}`))
    assert.deepEqual(opened(asked, [...asked, ...more]), [])
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

describe('what identity providers may say', () => {
  const mapping = (
    theirs: string | null,
    ours: string | null,
    provider = 'idp',
    source = 'https://idp.test groups',
  ) => ({
    provider,
    source,
    theirs,
    ours,
  })
  const openedByClaims = (before: readonly ClaimMapping[], then: readonly ClaimMapping[], rules = world) =>
    claimWidenings({ rules: rulesOf(rules), mappings: before }, { rules: rulesOf(rules), mappings: then }, nowMs).map(
      ({ who, app: name, cause, policies }) => `${who}: ${name}; ${cause}; ${policies.join()}`,
    )

  it('opens the apps of a group of ours to whoever they put into a group of theirs', () => {
    const said = openedByClaims([], [mapping('accounts', 'finance')])
    assert.deepEqual(said, [
      'whoever identity provider idp puts into "accounts": wiki; they become members of group finance; staff',
      'whoever identity provider idp puts into "accounts": payroll; they become members of group finance; finance',
    ])
    assert.deepEqual(openedByClaims([mapping('accounts', 'finance')], [mapping('accounts', 'finance')]), [])
    assert.deepEqual(openedByClaims([mapping('accounts', 'finance')], []), [])
  })

  it('is new with another issuer or claim, and not when they were in a group that had it', () => {
    const other = mapping('accounts', 'finance', 'idp', 'https://evil.test groups')
    assert.equal(openedByClaims([mapping('accounts', 'finance')], [other]).length, 2)
    const nested = [...world.filter(({ id }) => id !== 'grp_helpers'), group('helpers', ['finance'])]
    const both = [mapping('accounts', 'finance'), mapping('accounts', 'helpers')]
    assert.deepEqual(openedByClaims([mapping('accounts', 'finance')], both, nested), [])
    assert.equal(openedByClaims([mapping('others', 'finance')], [mapping('accounts', 'finance')]).length, 2)
  })

  it('counts that anybody who signs in becomes a user, where somebody in no group reaches anything', () => {
    assert.deepEqual(openedByClaims([], [mapping(null, null)]), [])
    const open = [...world, policy('permit', 'open', null, 'wiki')]
    assert.deepEqual(openedByClaims([], [mapping(null, null)], open), [
      'whoever identity provider idp signs in: wiki; they become users; open',
    ])
    assert.deepEqual(openedByClaims([], [mapping(null, null)], []), [], 'the first set-up')
  })
})
