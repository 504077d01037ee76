// Secrets of every form we know, planted in every place that a bundle looks at; none comes out.
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { caps } from '#operations/caps.ts'
import { makeBundle } from './bundle.ts'
import { removeSecrets } from './remove-secrets.ts'

const random = () => randomBytes(32).toString('base64url')
const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()

/** Secret → lines as programs write it. */
function plant(): { readonly secrets: readonly string[]; readonly text: string } {
  const [enrolment, password, jwt, cookie, sealed, webCredential] = Array.from({ length: 6 }, random)
  const secrets = [enrolment, password, jwt, cookie, sealed, webCredential].map(String)
  const keyLine = pem.split('\n')[1] ?? ''
  const lines = [
    `sallyport connector --token sp_enr_${enrolment}~${random()}`,
    `postgres://sallyport:${password}@db.example:5432/sallyport`,
    `{"password":"${password}","user":"alice"}`,
    `clientSecret: ${password}`,
    `SALLYPORT_TOKEN=${enrolment}`,
    `Authorization: Bearer ${jwt}`,
    `curl -H 'Authorization: Basic ${jwt}'`,
    `proxy-authorization: Basic ${webCredential}`,
    `Cookie: __Host-sallyport=${cookie}; other=1`,
    `https://acme.example/callback?code=${cookie}&state=1`,
    `eyJhbGciOiJFUzI1NiJ9.${jwt}.${jwt}`,
    `s1.${sealed}`,
    `kek: ${sealed}`,
    `$argon2id$v=19$m=19456,t=2,p=1$${password}$${password}`,
    `otpauth://totp/acme:alice?secret=${password}`,
    pem,
    JSON.stringify({ privateKeyPem: pem }),
  ]
  return { secrets: [...secrets, keyLine], text: lines.join('\n') }
}

test('no planted secret comes out, wherever it stood', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-support-'))
  try {
    const { secrets, text } = plant()
    const plain = 'hunter2-hunter2'
    mkdirSync(join(folder, 'state'))
    writeFileSync(join(folder, 'state', 'kek'), text)
    writeFileSync(join(folder, 'state', 'profile.json'), text)
    writeFileSync(join(folder, 'part.log'), `${text}\nthe other end said ${plain}\n`)
    writeFileSync(join(folder, 'feeds.yaml'), text)
    const bundle = await makeBundle({
      software: 'sallyport/1',
      folders: [join(folder, 'state')],
      files: [join(folder, 'part.log'), join(folder, 'feeds.yaml'), join(folder, 'missing.log')],
      doctor: [{ what: `x ${secrets[0]}`, hops: [] }],
      metrics: `sallyport_ready 1\n# ${text}`,
      environment: { SALLYPORT_TOKEN: secrets[0], SALLYPORT_ODD_SECRET: plain, PGPASSWORD: plain, HOME: '/home/alice' },
      nowMs: 0,
    })
    for (const secret of [...secrets, plain]) assert.equal(bundle.includes(secret), false, secret)
    const read = JSON.parse(bundle)
    assert.deepEqual(read.variables, ['PGPASSWORD', 'SALLYPORT_ODD_SECRET', 'SALLYPORT_TOKEN'])
    assert.deepEqual(read.folders[join(folder, 'state')].map(({ name }: { name: string }) => name).toSorted(), [
      'kek',
      'profile.json',
    ])
    assert.match(read.files['missing.log'], /ENOENT/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what helps is left: times, codes, ids and messages of a log', () => {
  const line =
    '{"time":"2026-11-24T03:00:00.000Z","part":"exchange","message":"connection refused","code":"certificate-refused","flowId":"flw_abc123"}'
  assert.equal(removeSecrets(line), line)
})

test('a key that begins before the part of a log that is taken does not come out', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-support-'))
  try {
    const key = pem.replaceAll('\n', '\n')
    const filler = 'x\n'.repeat(caps.supportFileBytes.default / 2 - 40)
    writeFileSync(join(folder, 'long.log'), `${key}${filler}`)
    const bundle = await makeBundle({
      software: '',
      folders: [],
      files: [join(folder, 'long.log')],
      doctor: [],
      metrics: null,
      environment: {},
      nowMs: 0,
    })
    for (const part of pem.split('\n').slice(1, -2)) assert.equal(bundle.includes(part.slice(-24)), false)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a value that a variable calls secret is gone from any text around it', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 6 }), fc.string(), fc.string(), (secret, before, after) => {
      const clean = removeSecrets(`${before}${secret}${after}`, [secret])
      // What is left of the placeholder itself may spell a secret made of its letters.
      return '[removed]'.includes(secret) || !clean.replaceAll('[removed]', ' ').includes(secret)
    }),
  )
})

test('no secret comes out because it is quoted twice, has two words, an at sign or another name', () => {
  const texts = [
    String.raw`{"msg":"{\"password\":\"hunter2 with spaces\"}","n":1}`,
    String.raw`{"msg":"{\\\"password\\\":\\\"hunter2 deep\\\"}"}`,
    String.raw`{"password":"a\"hunter2"}`,
    'postgres://u:p@hunter2@db/x',
    'postgres://u:p/hunter2@db/x',
    'psk=hunter2',
    'totp_seed: hunter2',
    'pin = hunter2',
    'password = two hunter2',
    `sealed s2.abcdefghij.${'hunter2'.repeat(5)}`,
    `s1.${'hunter2'.repeat(5)}`,
  ]
  for (const text of texts) assert.ok(!removeSecrets(text).includes('hunter2'), `${text} → ${removeSecrets(text)}`)
  assert.equal(removeSecrets('{"mapping":"kept","path":"/a","n":1}'), '{"mapping":"kept","path":"/a","n":1}')
})

test('a long line costs no more than its length', () => {
  // Work that grew with the square of it would keep this test from ever ending.
  for (const part of ['a', 'a-', 'token', 'x://', '"password":"', String.raw`\"`]) {
    const text = part.repeat(Math.ceil(100_000 / part.length))
    assert.ok(removeSecrets(text).length > 0)
  }
})

test('no form of writing keeps a secret: JSON in JSON, spaces, signs of addresses, the line below', () => {
  const nested = (levels: number, value: unknown): string =>
    levels === 0 ? JSON.stringify(value) : nested(levels - 1, { msg: JSON.stringify(value) })
  const secret = { password: 'hunter2 with "spaces", and\\ more' }
  for (const text of [
    ...[0, 1, 2, 3].map((levels) => nested(levels, secret)),
    'postgres://u:p@spaces@db',
    'postgres://u:p/spaces@db',
    "postgres://u:p'spaces@db",
    'psk=spaces',
    'totp_seed=spaces',
    'PIN: spaces',
    'device_pin="spaces"',
    'password = two spaces',
    "password: 'it''spaces'",
    'password: "two" spaces',
    'password:\n  spaces\n  more',
    'credential: |\n  spaces\n\n  more',
    '{"error":"{\\"authorization\\":\\"Bearer spaces\\"}"}',
    `${'x '.repeat(4090)}postgres://u:spaces${'x'.repeat(900)}@db`,
  ]) {
    const clean = removeSecrets(text)
    assert.doesNotMatch(clean, /spaces|more/, text)
    assert.match(clean, /removed|cut/)
  }
})

test('what stands beside a secret is left, and words that only hold one of its letters', () => {
  assert.equal(
    removeSecrets('{"a":"{\\"password\\":\\"x y\\",\\"code\\":5}","b":1}'),
    '{"a":"{\\"password\\":[removed],\\"code\\":5}","b":1}',
  )
  assert.equal(removeSecrets('password="x y" user=bob'), 'password=[removed] user=bob')
  for (const line of ['mapping: a', 'ping=5', 'spin=2', 'shipping: c']) assert.equal(removeSecrets(line), line)
  assert.equal(removeSecrets('https://a.test/x then bob@b.test'), 'https://a.test/x then bob@b.test')
})

test('lines made to cost the square of their length are cut first', () => {
  for (const unit of ['a', 'a-', 'secret', 'eyJaaaaaaaa-', 'http://', '-----BEGIN PRIVATE KEY', '\\', '"token":"'])
    assert.ok(removeSecrets(unit.repeat(40_000)).length <= 8192 + '[cut]'.length, unit)
})
