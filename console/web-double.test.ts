// What the API double says about the way to the internet, and a look at both pages in a real browser.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routes } from '#core/api/routes.ts'
import { journalEvent } from '#core/events/event.ts'
import { plainWords, type Words } from './api-world.test.ts'

const atMs = Date.UTC(2026, 10, 24, 9, 30)

export function webOverview(words: Words) {
  const weighed = (name: string, bytes: number, flows: number) => ({ name: words(name), bytes, flows })
  return {
    from: new Date(atMs - 86_400_000).toISOString(),
    until: new Date(atMs).toISOString(),
    isWhole: false,
    events: 50_000,
    bytes: { inspected: 7_500_000_000, passed: 2_500_000_000 },
    uninspected: [weighed('rule: works council', 2_000_000_000, 120), weighed('client certificate', 500_000_000, 4)],
    people: [weighed('alice', 6_000_000_000, 900), weighed('bruno', 4_000_000_000, 40)],
    destinations: [weighed('bank.example', 2_000_000_000, 120), weighed('news.example', 90_000, 7)],
    categories: [weighed('finance', 2_000_000_000, 120)],
    denied: [{ name: 'forbidden', count: 17 }],
    risks: [{ name: words('content is malicious'), count: 2 }],
    stops: [
      {
        event: 'ev-web',
        at: new Date(atMs - 60_000).toISOString(),
        kind: 'content' as const,
        user: words('alice'),
        host: words('files.example'),
        words: words('content is malicious'),
        severity: 4,
      },
      {
        event: 'ev-name',
        at: new Date(atMs - 90_000).toISOString(),
        kind: 'name' as const,
        user: words('bruno'),
        host: words('kjqwzxv.example'),
        words: 'forbidden',
        severity: 2,
      },
    ],
  }
}

export function webStop(words: Words, uid: string) {
  const facts = {
    timeMs: atMs,
    tenantId: 'ten_x',
    outcome: 'failure' as const,
    user: { uid: 'usr_a', name: words('alice') },
    destination: { host: words('files.example'), port: 443 },
  }
  const web = {
    direction: 'download',
    verdict: 'malicious',
    action: 'stopped',
    stoppedBecause: words('a test virus in an archive'),
    findings: ['EICAR', words('CREDIT_CARD')],
    unique: { CREDIT_CARD: 3 },
    fileType: 'zip',
    bytes: 4_096,
    requestEvent: 'ev-request',
  }
  const decided = {
    ...facts,
    uid: 'ev-request',
    outcome: 'success' as const,
    http: { method: 'GET', path: words('/invoice.zip'), host: words('files.example') },
    decision: { kind: 'allow' as const, policies: [{ id: 'pol_a', name: words('web') }] },
    extra: { web: { categories: [words('file-sharing')], inspected: true } },
  }
  return {
    event: journalEvent('finding', 'create', {
      ...facts,
      uid,
      severity: 4,
      message: words('content is malicious'),
      extra: { web },
    }),
    related: [journalEvent('http', 'get', decided)],
  }
}

test('what the double says has the shape of the API', () => {
  routes.webOverview.reply.parse(webOverview(plainWords))
  routes.webStop.reply.parse(webStop(plainWords, 'ev-web'))
  assert.ok(webOverview(plainWords).stops.length > 0)
})
