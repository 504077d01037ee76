// The picture stays small and loses no flow, however many there are.
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { liveLook } from '#core/api/live-routes.ts'
import type { FlowSum } from '#core/wire/feed.ts'
import { INTERNET, pictureOf, type Names } from './picture.ts'

const names: Names = {
  user: (id) => ({ name: id, groupKey: `g${id.length}` }),
  app: (id) => id,
  group: (key) => ({ name: key, kind: 'group', members: 3 }),
}
const sum = (user: number, app: number, flows: number): FlowSum => ({
  userId: `u${user}`,
  appId: app === 0 ? '' : `a${app}`,
  isWeb: app === 0,
  flows,
  bytesIn: 10 * flows,
  bytesOut: 90 * flows,
})
const total = (of: readonly { readonly flows: number }[]) => of.reduce((all, { flows }) => all + flows, 0)

test('at most ten names and one rest a side, the internet always by name, no flow lost on any side', () => {
  const some = fc.record({ user: fc.nat(60), app: fc.nat(40), flows: fc.integer({ min: 1, max: 2000 }) })
  fc.assert(
    fc.property(fc.array(some, { maxLength: 300 }), (given) => {
      const sums = given.map(({ user, app, flows }) => sum(user, app, flows))
      const { picture, bytesIn, bytesOut } = pictureOf(sums, 2, names, { names: 9 })
      liveLook.shape.picture.parse(picture)
      for (const side of [picture.people, picture.groups, picture.apps, picture.links, picture.groupLinks])
        assert.equal(total(side), total(sums))
      assert.ok(picture.people.length <= 11 && picture.apps.length <= 12)
      assert.equal(
        picture.apps.some(({ key }) => key === INTERNET),
        sums.some(({ isWeb }) => isWeb),
      )
      assert.equal(bytesIn + bytesOut, 100 * total(sums))
    }),
  )
})

test('fifty thousand flows of nine thousand people are one message of a few kilobytes', () => {
  const sums = Array.from({ length: 9_000 }, (_, n) => sum(n, n % 700, n < 5_000 ? 6 : 5))
  const { picture, people, apps } = pictureOf(sums, 1, names, { names: 9 })
  assert.deepEqual([total(sums), people, apps], [50_000, 9_000, 699])
  assert.ok(JSON.stringify(picture).length < 40_000, `${JSON.stringify(picture).length}`)
})
