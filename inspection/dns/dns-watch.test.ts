import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { loadPhishingModel } from '#inspection/phishing/url-model.ts'
import { dnsCaps } from './caps.ts'
import { type DnsFinding, type DnsObservation, DnsWatch } from './dns-watch.ts'
import { UniqueCount } from './unique-count.ts'

const { names } = loadPhishingModel()

function watchOf(trusted: readonly string[] = []) {
  let nowMs = 1_000_000
  const watch = new DnsWatch({ names, nowMs: () => nowMs, seed: 42, trusted })
  const findings: DnsFinding[] = []
  const ask = (name: string, more: Partial<DnsObservation> = {}) => {
    const finding = watch.observe({ client: 'dev_a', name, type: 'A', outcome: 'answered', answerBytes: 60, ...more })
    if (finding) findings.push(finding)
  }
  return { watch, findings, ask, pass: (ms: number) => (nowMs += ms) }
}
/** Letters from a hash: the same in every run. */
const letters = (at: number, length: number, alphabet = 'abcdefghijklmnopqrstuvwxyz') =>
  Array.from(
    createHash('sha512').update(`seed ${at}`).digest().subarray(0, length),
    (byte) => alphabet[byte % alphabet.length],
  ).join('')
const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

test('a burst of failed look-ups of random names is a name generator, and says what it saw', () => {
  const { findings, ask } = watchOf()
  for (let at = 0; at < 40; at++) ask(`${letters(at, 14)}.${['com', 'net', 'biz'][at % 3]}`, { outcome: 'failed' })
  assert.equal(findings[0]?.kind, 'name-generator')
  assert.match(findings[0]?.reason ?? '', /^15 registered names .* read like random letters, under 3 suffixes\.$/)
  assert.equal(findings.length, 2, 'reported at 15 and again when doubled')
})

test('names made of words are found by their number', () => {
  const { findings, ask } = watchOf()
  const words = [
    'garden',
    'window',
    'silver',
    'market',
    'little',
    'forest',
    'winter',
    'school',
    'flower',
    'bridge',
    'corner',
    'street',
    'orange',
    'family',
    'summer',
    'castle',
  ]
  for (let at = 0; at < 256; at++) ask(`${words[at % 16]}${words[at >> 4]}.net`, { outcome: 'failed' })
  assert.match(findings[0]?.reason ?? '', /more than people or programs mistype/)
})

test('a search list that appends one suffix to everything is no name generator', () => {
  const { findings, ask } = watchOf()
  for (let at = 0; at < 500; at++) ask(`${letters(at, 12)}.corp.example.com`, { outcome: 'failed' })
  assert.deepEqual(
    findings.filter(({ kind }) => kind === 'name-generator'),
    [],
  )
})

test('one failed name asked again and again, typing slips, and names that exist raise nothing', () => {
  const { findings, ask } = watchOf()
  for (let at = 0; at < 1000; at++) ask('qxzvkwpjhgtr.com', { outcome: 'failed' })
  for (const name of ['gogle.con', 'wikipedai.org', 'facebok.com', 'githb.com']) ask(name, { outcome: 'failed' })
  for (let at = 0; at < 300; at++) ask(`${letters(at, 14)}.com`)
  assert.deepEqual(findings, [])
})

test('data carried out in names is a tunnel, named with its domain', () => {
  const { findings, ask } = watchOf()
  for (let at = 0; at < 300; at++)
    ask(`${letters(at, 50, base32)}.t.evil-tunnel.com`, { type: 'TXT', answerBytes: 200 })
  assert.deepEqual(
    findings.map(({ kind, domain }) => [kind, domain]),
    [['tunnel', 'evil-tunnel.com']],
  )
  assert.match(findings[0]?.reason ?? '', /different names below evil-tunnel\.com within the hour/)
})

test('a slow tunnel in hex is found within its hour', () => {
  const { findings, ask, pass } = watchOf()
  for (let at = 0; at < 350; at++) {
    ask(`${letters(at, 30, '0123456789abcdef')}.c2.example.net`)
    pass(10_000)
  }
  assert.equal(findings[0]?.kind, 'tunnel')
})

test('what comes in as answers counts too, where little goes out', () => {
  const { findings, ask } = watchOf()
  for (let at = 0; at < 120; at++) ask(`${letters(at, 10, base32)}.dl.example.net`, { type: 'TXT', answerBytes: 1200 })
  assert.match(findings[0]?.reason ?? '', /KB came back in answers/)
})

test('browsing, content networks, reputation look-ups and trusted domains raise nothing', () => {
  const { findings, ask } = watchOf(['telemetry.example.com', 'vendor.test'])
  for (let at = 0; at < 400; at++) {
    ask(`www.site${at % 90}.com`)
    ask(`img${at % 30}.static.example.org`)
    ask(`${letters(at, 12)}.cloudfront.net`)
    ask(`${at % 256}.2.0.192.zen.spamhaus.org`, { outcome: 'failed' })
    ask(`${letters(at, 50, base32)}.vendor.test`)
    ask(`${at}.0.0.10.in-addr.arpa`, { type: 'PTR', outcome: 'failed' })
  }
  assert.deepEqual(findings, [])
})

test('the hour ends: what was counted before it counts no more', () => {
  const { findings, ask, pass } = watchOf()
  for (let at = 0; at < 14; at++) ask(`${letters(at, 14)}.com`, { outcome: 'failed' })
  pass(dnsCaps.windowMs)
  for (let at = 14; at < 28; at++) ask(`${letters(at, 14)}.com`, { outcome: 'failed' })
  assert.deepEqual(findings, [])
})

test('neither clients nor domains without end fill the memory, nor hide a tunnel', () => {
  const { watch, findings, ask } = watchOf()
  for (let at = 0; at < 200; at++) {
    ask(`${letters(at, 50, base32)}.evil-tunnel.com`)
    for (let other = 0; other < 30; other++) ask(`www.flood-${at * 30 + other}.com`)
  }
  assert.equal(findings[0]?.domain, 'evil-tunnel.com')
  for (let at = 0; at < dnsCaps.maxClients + 500; at++) ask('example.com', { client: `dev_${at}` })
  assert.equal(watch.clients, dnsCaps.maxClients)
})

test('the counter of different texts is within a tenth up to five thousand', () => {
  for (const count of [10, 100, 1000, 5000]) {
    const unique = new UniqueCount(7)
    for (let at = 0; at < count * 2; at++) unique.add(`name ${at % count}`)
    assert.ok(Math.abs(unique.estimate - count) <= Math.max(2, count * 0.1), `${count}: ${unique.estimate}`)
  }
})
