// What happens to values, prompts and pages on the way: masked, told, guarded; with the real inspectors and curl.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { outboundDeps } from '#cli/outbound-tools.ts'
import { startSeenDomains } from '#inspection/categories/seen-domains.ts'
import type { TenantId } from '#core/ids.ts'
import { readEvents } from '#journal/read.ts'
import { startWebWorld, webPolicy, type SiteHandler, type WebWorldOptions } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'sallyport-content-'))
const tools = await outboundDeps(folder).load?.()
assert.ok(tools)
after(async () => {
  await tools.close()
  rmSync(folder, { recursive: true, force: true })
})

const CARD = '4111 1111 1111 1111'

async function start(options: WebWorldOptions) {
  const { inspector, prompts, pages } = tools ?? assert.fail()
  const arrived: { readonly text: string; readonly headers: Readonly<Record<string, unknown>> }[] = []
  const world = await startWebWorld(issueIntermediate, { inspector, prompts, pages, ...options })
  const site: SiteHandler = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      arrived.push({ text: Buffer.concat(chunks).toString('latin1'), headers: request.headers })
      if ('stream' in response) response.end('taken')
      else response.end('taken')
    })
  }
  return Object.assign(world, { arrived, taking: (host: string) => world.site([host], site) })
}

type Web = Record<string, unknown> & { readonly prompt?: Record<string, unknown> }

/** What the journal says, oldest first, as soon as it says `count` of these. */
async function webEvents(
  world: Awaited<ReturnType<typeof start>>,
  count: number,
  isMeant: (web: Web) => boolean,
): Promise<{ readonly meant: readonly Web[]; readonly text: string }> {
  for (const deadline = AbortSignal.timeout(5000); ; await new Promise((later) => setImmediate(later))) {
    const query = { tenant: world.acme.id as TenantId, order: 'oldest-first', limit: 1000 } as const
    const events = await Array.fromAsync(readEvents(join(world.folder, 'data', 'journal'), query))
    const text = JSON.stringify(events)
    const meant = events.map(({ event }) => (event as { unmapped?: { web?: Web } }).unmapped?.web ?? {}).filter(isMeant)
    if (meant.length >= count || deadline.aborted) return { meant, text }
  }
}

describe('an upload whose policy says mask', () => {
  const masking = webPolicy('masking', { annotations: { redact: 'dlp' } })

  test('leaves with its values masked, as JSON, form, text and multipart, and the journal has types and counts', async () => {
    await using world = await start({ policies: [masking] })
    const port = await world.taking('www.site.test')
    const at = `https://www.site.test:${port}/`
    const send = async (...args: readonly string[]) =>
      assert.equal((await world.curl(...args, at)).stdout, 'taken', args.join(' '))
    await send('--json', `{"note":"card ${CARD}, valid 12/28"}`)
    await send('--data-urlencode', `note=card ${CARD}`)
    await send('-H', 'Content-Type: text/plain', '-H', 'Content-Digest: sha-256=:AAAA:', '-d', `my card ${CARD} thanks`)
    await send('-F', `note=card ${CARD}`)
    await send('--http1.1', '-H', 'Transfer-Encoding: chunked', '-H', 'Content-Type: text/plain', '-d', `card ${CARD}`)
    assert.equal(world.arrived.length, 5)
    for (const { text, headers } of world.arrived) {
      assert.doesNotMatch(text, /1111/)
      assert.equal(headers['content-length'], String(text.length))
      assert.equal(headers['content-digest'], undefined)
    }
    assert.equal(world.arrived[0]?.text, '{"note":"card **** **** **** ****, valid 12/28"}')
    const { meant: events, text } = await webEvents(world, 5, ({ action }) => action === 'masked')
    assert.equal(events.length, 5)
    assert.deepEqual(events[0]?.['findings'], ['CREDIT_CARD'])
    assert.equal(events[0]?.['masked'], 1)
    assert.deepEqual(events[0]?.['unique'], { CREDIT_CARD: 1 })
    assert.doesNotMatch(text, /4111/)
  })

  test('without values leaves as it came', async () => {
    await using world = await start({ policies: [masking] })
    const port = await world.taking('www.site.test')
    await world.curl('--json', '{"note":"nothing"}', `https://www.site.test:${port}/`)
    assert.equal(world.arrived[0]?.text, '{"note":"nothing"}')
  })

  test('does not leave when values cannot be masked: encoded, of another kind, too long, or a stream', async () => {
    // Whatever the tenant says of sensitive content: here policy said mask or nothing.
    await using world = await start({
      policies: [masking],
      settings: { ports: ['1-65535'], verdicts: { sensitive: 'pass' } },
    })
    const port = await world.taking('www.site.test')
    const at = `https://www.site.test:${port}/`
    const file = join(folder, 'body')
    const refused = async (body: Buffer, ...args: readonly string[]) => {
      writeFileSync(file, body)
      const { stdout } = await world.curl(...args, '--data-binary', `@${file}`, at)
      assert.match(JSON.parse(stdout).message, /not masked/, stdout)
    }
    const json = Buffer.from(`{"note":"card ${CARD}, valid 12/28"}`)
    await refused(gzipSync(json), '-H', 'Content-Type: application/json', '-H', 'Content-Encoding: gzip')
    await refused(json, '-H', 'Content-Type: application/octet-stream')
    const long = Buffer.from(`{"pad":"${'x '.repeat(1_200_000)}","note":"card ${CARD}, valid 12/28"}`)
    await refused(long, '-H', 'Content-Type: application/json')
    await refused(json, '-H', 'Content-Type: application/grpc')
    assert.equal(world.arrived.length, 0)
    const isSaid = ({ stoppedBecause }: Web) => /not masked/.test(String(stoppedBecause))
    assert.equal((await webEvents(world, 3, isSaid)).meant.length, 3)
  })
})

describe('a prompt to a chat service', () => {
  const body = (text: string) =>
    JSON.stringify({ model: 'some-model', messages: [{ role: 'user', content: `${text} and tell me a story` }] })
  const paths = '/v1/chat/completions'

  test('is in the journal as one, with its service and findings and without its text', async () => {
    await using world = await start({ policies: [webPolicy('web', { annotations: { redact: 'dlp' } })] })
    const port = await world.taking('llm.site.test')
    await world.curl('--json', body(`card ${CARD}`), `https://llm.site.test:${port}${paths}`)
    assert.match(world.arrived[0]?.text ?? '', /card \*{4} \*{4} \*{4} \*{4} and tell me a story/)
    const { meant: events, text } = await webEvents(world, 2, ({ prompt }) => prompt !== undefined)
    assert.deepEqual(events[0]?.prompt, { service: 'openai-chat' })
    assert.match(JSON.stringify(events[0]?.['categories']), /"ai-chat"/)
    assert.deepEqual(events[1]?.prompt, { service: 'openai-chat', isRead: true, model: 'some-model', texts: 1 })
    assert.deepEqual(events[1]?.['findings'], ['CREDIT_CARD'])
    assert.doesNotMatch(text, /story|4111/)
  })

  test('is denied or coached by its category: a known host whole, an unknown one by the address of the request', async () => {
    const no = webPolicy('no chat', { effect: 'forbid', category: 'ai-chat' })
    await using world = await start({ policies: [webPolicy('web'), no] })
    const port = await world.taking('llm.site.test')
    const known = await world.taking('api.anthropic.com')
    assert.equal((await world.curl(`https://llm.site.test:${port}/`)).stdout, 'taken')
    const denied = await world.curl('--json', body('x'), `https://llm.site.test:${port}${paths}`)
    assert.equal(JSON.parse(denied.stdout).reason, 'forbidden')
    assert.equal(JSON.parse((await world.curl(`https://api.anthropic.com:${known}/`)).stdout).reason, 'forbidden')
    assert.equal(world.arrived.length, 1)
  })

  test('asks for a reason where policy coaches', async () => {
    const coached = webPolicy('coached', { category: 'ai-chat', annotations: { coach: 'No names of customers.' } })
    await using world = await start({ policies: [coached] })
    const port = await world.taking('llm.site.test')
    const { stdout } = await world.curl('--json', body('x'), `https://llm.site.test:${port}${paths}`)
    assert.equal(JSON.parse(stdout).reason, 'reason-needed')
  })
})

describe('a page whose policy says judge', () => {
  const judging = webPolicy('judging', { annotations: { inspect: 'phishing' } })
  const form = '<form action="/login"><input name=u><input type="password" name=p></form>'
  const clean = '<!doctype html><title>Notes</title><body><h1>Notes</h1><p>About bees.</p>'
  const bad =
    '<!doctype html><title>PayPal: log in to your account</title><body oncontextmenu="return false">' +
    '<img src="https://www.paypal.com/logo.png"><link rel=stylesheet href="https://www.paypal.com/a.css">' +
    form.replace('/login', 'https://api.telegram.org/bot1:x/sendMessage')
  const suspicious = `<!doctype html><title>PayPal</title><body><img src="https://www.paypal.com/a.png">${form.replace('/login', 'https://other.test/take')}`

  const page =
    (
      html: string,
      headers: Record<string, string> = {},
      encode = (text: string): Buffer => Buffer.from(text),
    ): SiteHandler =>
    (request, response) => {
      request.resume()
      const bytes = encode(html)
      const all = { 'content-type': 'text/html; charset=utf-8', 'content-length': String(bytes.length), etag: '"1"' }
      for (const [name, value] of Object.entries({ ...all, ...headers })) response.setHeader(name, value)
      if ('stream' in response) response.end(bytes)
      else response.end(bytes)
    }

  test('passes untouched when it is clean, encoded or not, and is not judged without the policy', async () => {
    await using world = await start({ policies: [judging] })
    const gzip = gzipSync(clean)
    const plain = await world.site(['www.site.test'], page(clean))
    const coded = await world.site(
      ['www.site.test'],
      page(clean, { 'content-encoding': 'gzip' }, () => gzip),
    )
    const got = await world.curl('-i', `https://www.site.test:${plain}/`)
    assert.match(got.stdout, /content-length: \d+[^]*etag: "1"/)
    assert.ok(got.stdout.endsWith(clean))
    assert.equal((await world.curl('--compressed', `https://www.site.test:${coded}/`)).stdout, clean)
    await using plainWorld = await start({ policies: [webPolicy('web')] })
    const port = await plainWorld.site(['www.site.test'], page(bad))
    assert.equal((await plainWorld.curl(`https://www.site.test:${port}/`)).stdout, bad)
  })

  test('is stopped with its reason when it is phishing, also gzipped', async () => {
    await using world = await start({ policies: [judging] })
    const plain = await world.site(['paypal-login.site.test'], page(bad))
    const coded = await world.site(
      ['paypal-login.site.test'],
      page(bad, { 'content-encoding': 'br' }, (text) => brotliCompressSync(text)),
    )
    for (const port of [plain, coded]) {
      const { stdout } = await world.curl('--compressed', `https://paypal-login.site.test:${port}/`)
      const { reason, message } = JSON.parse(stdout)
      assert.equal(reason, 'phishing')
      assert.match(message, /looks like phishing: .*collecting place/)
    }
    const html = await world.curl('-H', 'Accept: text/html', `https://paypal-login.site.test:${plain}/`)
    assert.match(html.stdout, /<h1>This page may be after your password<\/h1>/)
    const { meant } = await webEvents(world, 3, ({ action }) => action === 'stopped')
    assert.deepEqual(
      meant.map(({ verdict }) => verdict),
      ['phishing', 'phishing', 'phishing'],
    )
    assert.match(String(meant[0]?.['explanation']), /collecting place/)
  })

  test("wears the tenant's own name, or one that looks like it, where it does not belong", async () => {
    const { pages } = tools ?? assert.fail()
    const brands = [{ name: 'zorblatt', domains: ['zorblatt.example'] }]
    const judged = (url: string, own: typeof brands | undefined) => {
      const judge = pages.open(url, own === undefined ? {} : { brands: own })
      judge.push(Buffer.from('<title>Zorblatt</title><form action="/in"><input name=u><input type=password></form>'))
      return judge.end()
    }
    for (const host of ['zorblatt-login.site.test', 'z0rblatt.test', 'secure-zorblat.test']) {
      const [known, unknown] = [judged(`https://${host}/`, brands), judged(`https://${host}/`, undefined)]
      assert.ok(known.score > unknown.score + 0.1, `${host}: ${known.score} with, ${unknown.score} without`)
      assert.match(known.reason, /its title names "zorblatt"/, host)
    }
    const itself = judged('https://www.zorblatt.example/', brands)
    assert.equal(itself.verdict, 'clean')
    const worn = '<title>Zorblatt</title><form action="/in"><input name=u><input type=password></form>'
    const scoreWith = async (own: typeof brands) => {
      await using world = await start({ policies: [judging], settings: { brands: own } })
      const port = await world.site(['zorblatt-login.site.test'], page(worn))
      await world.curl(`https://zorblatt-login.site.test:${port}/`)
      const { meant } = await webEvents(world, 1, ({ score }) => typeof score === 'number')
      return Number(meant[0]?.['score'])
    }
    assert.ok((await scoreWith(brands)) > (await scoreWith([])), 'the setting reaches the judge')
  })

  test('between the thresholds is shown with its fields disabled and a banner, and no browser keeps it', async () => {
    await using world = await start({ policies: [judging] })
    const plain = await world.site(['www.site.test'], page(suspicious))
    const coded = await world.site(
      ['www.site.test'],
      page(suspicious, { 'content-encoding': 'gzip' }, (text) => gzipSync(text)),
    )
    for (const port of [plain, coded]) {
      for (const version of ['--http1.1', '--http2']) {
        const { stdout } = await world.curl(version, '-i', '--compressed', `https://www.site.test:${port}/`)
        assert.match(stdout, /content-security-policy: form-action 'none'/i)
        assert.match(stdout, /cache-control: no-store/i)
        assert.doesNotMatch(stdout, /content-length|content-encoding|etag/i)
        assert.match(stdout, /<input disabled readonly [^>]*type="password"/)
        assert.match(stdout, /role="alert"/)
      }
    }
    assert.equal((await webEvents(world, 4, ({ action }) => action === 'guarded')).meant.length, 4)
  })

  test('that is longer than can be judged is guarded from its beginning on', async () => {
    await using world = await start({ policies: [judging] })
    const long = `${clean}${'<p>bees</p>'.repeat(250_000)}${form}`
    const port = await world.site(['www.site.test'], page(long))
    const { stdout } = await world.curl(`https://www.site.test:${port}/`)
    assert.match(stdout, /<input disabled readonly [^>]*type="password"/)
  })

  test('that lies about its coding, or is a bomb, is stopped', async () => {
    await using world = await start({ policies: [judging] })
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, 32))
    const lying = await world.site(['www.site.test'], page(clean, { 'content-encoding': 'gzip' }))
    const large = await world.site(
      ['www.site.test'],
      page('', { 'content-encoding': 'gzip' }, () => bomb),
    )
    for (const port of [lying, large]) {
      const { stdout } = await world.curl(`https://www.site.test:${port}/`)
      assert.equal(JSON.parse(stdout).reason, 'phishing')
    }
  })
})

test('a domain is new to a tenant for days, to each by itself, and stays known over a restart', async () => {
  const at = join(folder, 'seen')
  let nowMs = Date.parse('2026-11-01T12:00:00Z')
  const deps = { nowMs: () => nowMs, log: () => assert.fail('nothing to say') }
  {
    await using seen = await startSeenDomains({ folder: at }, deps)
    assert.equal(seen.isNew('ten_a', 'www.example.com'), true)
    nowMs += 4 * 86_400_000
    assert.equal(seen.isNew('ten_a', 'shop.example.com'), false)
    assert.equal(seen.isNew('ten_b', 'www.example.com'), true)
    assert.equal(seen.isNew('ten_a', 'example.org'), true)
  }
  assert.deepEqual(readdirSync(at).toSorted(), ['ten_a', 'ten_b'])
  await using seen = await startSeenDomains({ folder: at }, deps)
  assert.equal(seen.isNew('ten_a', 'example.com'), false)
  assert.equal(seen.isNew('ten_a', '../../etc/passwd'), true)
  assert.equal(seen.isNew('../escape', 'example.com'), true)
})
