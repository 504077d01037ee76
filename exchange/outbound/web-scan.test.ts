// What verdicts lead to: nothing bad comes down whole, nothing goes up before it was looked at, and people are told.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startInspector } from '#inspection/inspect.ts'
import { describe, test } from 'node:test'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { newId } from '#core/ids.ts'
import { containmentRecord } from '#exchange/testing/records.ts'
import { closeOf } from '#exchange/testing/world.ts'
import { caps } from './caps.ts'
import { hello, startWebWorld, webPolicy, type SiteHandler, type WebWorldOptions } from './testing.ts'
import { wordInspector, words } from './testing-inspector.ts'

const scanned = webPolicy('scanned', { annotations: { inspect: 'dlp,malware' } })

async function start(options: WebWorldOptions = {}) {
  const inspector = wordInspector()
  const world = await startWebWorld(issueIntermediate, { policies: [scanned], inspector, ...options })
  return Object.assign(world, { inspector })
}

function sends(body: Buffer | string, headers: Record<string, string> = {}): SiteHandler {
  return (request, response) => {
    request.resume()
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    if ('stream' in response) response.end(body)
    else response.end(body)
  }
}

const MiB = 1024 * 1024

describe('a download', () => {
  test('that is clean arrives as it was, large and small', async () => {
    await using world = await start()
    const large = randomBytes(3 * MiB)
    const port = await world.site(['www.site.test'], (request, response) =>
      sends(request.url === '/large' ? large : 'small', { etag: '"x"' })(request, response),
    )
    assert.equal((await world.curl(`https://www.site.test:${port}/`)).stdout, 'small')
    const file = join(world.folder, 'large')
    for (const version of ['--http1.1', '--http2']) {
      const { code } = await world.curl(
        version,
        '-o',
        file,
        '-w',
        '%{size_download}',
        `https://www.site.test:${port}/large`,
      )
      assert.equal(code, 0)
      assert.ok(large.equals(await import('node:fs/promises').then(({ readFile }) => readFile(file))))
    }
    assert.ok(world.inspector.seen.every(({ url }) => !url.includes('?')))
  })

  test('that is malicious is a page in its place, when it is small enough to be held', async () => {
    await using world = await start()
    const port = await world.site(['www.site.test'], sends(`x${words.malicious}y`))
    const { stdout } = await world.curl('-i', '-H', 'Accept: text/html', `https://www.site.test:${port}/`)
    assert.match(stdout, /HTTP\/2 403[^]*sallyport-reason: content-malicious[^]*<h1>What you fetched was stopped/)
    assert.doesNotMatch(stdout, new RegExp(words.malicious))
  })

  test('that turns malicious at its end never becomes whole, and does not look whole', async () => {
    await using world = await start()
    const body = Buffer.concat([randomBytes(2 * MiB), Buffer.from(words.malicious)])
    const port = await world.site(['www.site.test'], sends(body))
    for (const version of ['--http1.1', '--http2']) {
      const { code, stdout } = await world.curl(
        version,
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        `https://www.site.test:${port}/`,
      )
      assert.notEqual(code, 0)
      assert.ok(Number(stdout) <= 2 * MiB - caps.heldBytes.default + 64, stdout)
    }
  })

  test('in parts is fetched whole, so that nothing is put together that nobody has seen', async () => {
    await using world = await start()
    const port = await world.site(['www.site.test'], (request, response) => {
      const range = String(request.headers['range'])
      sends(range === 'undefined' ? 'the whole' : 'a part')(request, response)
    })
    assert.equal((await world.curl('-r', '0-3', `https://www.site.test:${port}/`)).stdout, 'the whole')
  })

  test('that is kept as a file is looked at, whatever kind of stream its site calls it', async () => {
    await using world = await start()
    const port = await world.site(['www.site.test'], (request, response) => {
      const isFile = request.url === '/file'
      sends(words.malicious, {
        'content-type': 'application/x-ndjson',
        ...(isFile && { 'content-disposition': 'attachment; filename=a.exe' }),
      })(request, response)
    })
    const at = `https://www.site.test:${port}`
    assert.equal(JSON.parse((await world.curl(`${at}/file`)).stdout).reason, 'content-malicious')
    // One that cannot be held is written down, and the tenant may refuse it.
    assert.equal((await world.curl(`${at}/`)).stdout, words.malicious)
    await world.put({ ports: ['1-65535'], verdicts: { partial: 'block' } })
    assert.equal(JSON.parse((await world.curl(`${at}/`)).stdout).reason, 'content-partial')
  })

  test('is decided once more when it is a file', async () => {
    await using world = await start({ policies: [webPolicy('pages', { actions: ['browse', 'upload'] })] })
    const port = await world.site(['www.site.test'], (request, response) => {
      const isFile = request.url === '/file'
      sends('bytes', { 'content-type': isFile ? 'application/zip' : 'text/plain' })(request, response)
    })
    assert.equal((await world.curl(`https://www.site.test:${port}/`)).stdout, 'bytes')
    assert.equal(JSON.parse((await world.curl(`https://www.site.test:${port}/file`)).stdout).reason, 'no-policy')
  })

  test('whose verdict takes its time shows that something is coming', async () => {
    await using world = await start()
    const verdict = Promise.withResolvers<void>()
    world.inspector.hold = verdict.promise
    const port = await world.site(['www.site.test'], sends('slow', { 'content-type': 'text/plain' }))
    const secured = await world.inside(`www.site.test:${port}`)
    secured.write(`GET / HTTP/1.1\r\nHost: www.site.test:${port}\r\n\r\n`)
    const [head] = await once(secured, 'data')
    assert.match(String(head), /^HTTP\/1\.1 200[^]*\r\n\r\n$/)
    verdict.resolve()
    assert.match(String((await once(secured, 'data'))[0]), /slow/)
  })

  test('is cut when the person is contained', async () => {
    await using world = await start()
    const port = await world.site(['www.site.test'], (_request, response) => {
      if ('stream' in response) response.write(randomBytes(MiB))
      else response.write(randomBytes(MiB))
    })
    const secured = await world.inside(`www.site.test:${port}`)
    secured.write(`GET / HTTP/1.1\r\nHost: www.site.test:${port}\r\n\r\n`)
    await once(secured, 'data')
    const closed = closeOf(secured)
    secured.resume()
    await world.control.change(world.acme, {
      op: 'put',
      record: containmentRecord('user', world.alice.id),
    })
    await closed
  })
})

describe('an upload', () => {
  test('leaves whole and unchanged when it is clean, and not at all when it is not', async () => {
    await using world = await start()
    const arrived: Buffer[] = []
    const port = await world.site(['www.site.test'], (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        arrived.push(Buffer.concat(chunks))
        sends('taken')(request, response)
      })
    })
    const file = join(world.folder, 'upload')
    const send = async (body: Buffer, ...args: readonly string[]) => {
      writeFileSync(file, body)
      return (await world.curl(...args, '--data-binary', `@${file}`, `https://www.site.test:${port}/`)).stdout
    }
    const clean = randomBytes(2 * MiB)
    assert.equal(await send(clean), 'taken')
    assert.equal(await send(Buffer.from('small'), '--http1.1', '-H', 'Transfer-Encoding: chunked'), 'taken')
    assert.deepEqual(arrived, [clean, Buffer.from('small')])
    for (const version of ['--http1.1', '--http2']) {
      const bad = Buffer.concat([randomBytes(MiB), Buffer.from(words.sensitive), randomBytes(MiB)])
      assert.equal(JSON.parse(await send(bad, version)).reason, 'content-sensitive')
      assert.equal(JSON.parse(await send(Buffer.from(words.malicious), version)).reason, 'content-malicious')
    }
    assert.equal(arrived.length, 2)
  })

  test('that policy wants looked at does not leave when nobody can look', async () => {
    await using world = await startWebWorld(issueIntermediate, { policies: [scanned] })
    let requests = 0
    const port = await world.site(['www.site.test'], (request, response) => {
      requests++
      sends('taken')(request, response)
    })
    const { stdout } = await world.curl('-d', 'x=y', `https://www.site.test:${port}/`)
    assert.equal(JSON.parse(stdout).reason, 'content-unscannable')
    assert.equal(requests, 0)
    // The tenant may say otherwise, which is then in the journal.
    await world.put({ ports: ['1-65535'], verdicts: { unscannable: 'alert' } })
    assert.equal((await world.curl('-d', 'x=y', `https://www.site.test:${port}/`)).stdout, 'taken')
  })

  test('is looked at whatever kind of stream its sender calls it', async () => {
    await using world = await start()
    const arrived: string[] = []
    const port = await world.site(['www.site.test'], (request, response) => {
      arrived.push(String(request.headers['content-type']))
      sends('taken')(request, response)
    })
    const at = `https://www.site.test:${port}/`
    const send = async (type: string, ...args: readonly string[]) =>
      JSON.parse(
        (await world.curl('-H', `Content-Type: ${type}`, '--data-binary', words.sensitive, ...args, at)).stdout,
      )
    for (const type of ['text/event-stream', 'application/x-ndjson', 'multipart/x-mixed-replace; boundary=x'])
      for (const version of ['--http1.1', '--http2'])
        assert.equal((await send(type, version)).reason, 'content-sensitive', type)
    assert.equal((await send('application/grpc')).reason, 'content-unscannable', 'it cannot be held')
    assert.deepEqual(arrived, [])
  })

  test('whose length nobody says is an upload, whatever type it says', async () => {
    await using world = await start({ policies: [webPolicy('read', { actions: ['browse', 'download'] })] })
    const port = await world.site(['www.site.test'], sends('taken'))
    const chunked = ['--http1.1', '-H', 'Transfer-Encoding: chunked', '--json', '{}']
    const { stdout } = await world.curl(...chunked, `https://www.site.test:${port}/`)
    assert.equal(JSON.parse(stdout).reason, 'no-policy')
  })

  test('of a file needs its own permission, a form does not', async () => {
    await using world = await start({ policies: [webPolicy('read', { actions: ['browse', 'download'] })] })
    const port = await world.site(['www.site.test'], sends('taken'))
    const at = `https://www.site.test:${port}/`
    assert.equal((await world.curl('-d', 'a=b', at)).stdout, 'taken')
    assert.equal((await world.curl('--json', '{}', at)).stdout, 'taken')
    assert.equal(JSON.parse((await world.curl('-F', 'file=x', at)).stdout).reason, 'no-policy')
    assert.equal(JSON.parse((await world.curl('-T', '/etc/hostname', at)).stdout).reason, 'no-policy')
  })
})

test('words for the person come first, and hold for a while after a reason was given', async () => {
  const coached = webPolicy('coached', { annotations: { coach: 'Think <b>twice</b> before you share.' } })
  await using world = await start({ policies: [coached] })
  const port = await world.site(['chat.test'], hello)
  const at = `https://chat.test:${port}/talk`
  assert.equal(JSON.parse((await world.curl(at)).stdout).reason, 'reason-needed')
  const page = (await world.curl('-H', 'Accept: text/html', at)).stdout
  assert.match(page, /Think &#60;b&#62;twice&#60;\/b&#62; before you share\./)
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const form = ['--data-urlencode', `token=${token}`, '--data-urlencode', 'reason=for my work']
  const answer = await world.curl('-i', ...form, `https://chat.test:${port}/.sallyport/continue`)
  assert.match(answer.stdout, /HTTP\/2 303[^]*location: \/talk/)
  assert.equal((await world.curl(at)).stdout, 'hello')
  // Another policy's words are other words.
  await world.putPolicies({ ...coached, id: newId('policy') })
  await world.control.change(world.acme, { op: 'remove', kind: 'policy', id: coached.id })
  assert.equal(JSON.parse((await world.curl(at)).stdout).reason, 'reason-needed')
})

test('a verdict that may be answered with a reason is a page with a form', async () => {
  await using world = await start({ settings: { ports: ['1-65535'], verdicts: { unscannable: 'coach' } } })
  const port = await world.site(['www.site.test'], sends(words.unscannable))
  const at = `https://www.site.test:${port}/`
  const page = (await world.curl('-H', 'Accept: text/html', at)).stdout
  const token = /name="token" value="([^"]+)"/.exec(page)?.[1] ?? ''
  const form = ['--data-urlencode', `token=${token}`, '--data-urlencode', 'reason=known file']
  await world.curl(...form, `https://www.site.test:${port}/.sallyport/continue`)
  assert.equal((await world.curl(at)).stdout, words.unscannable)
})

test('the real inspector keeps a payment card in and an archive with a test virus out', async () => {
  const inspector = startInspector()
  await using world = await startWebWorld(issueIntermediate, { policies: [scanned], inspector })
  let arrived = 0
  // The test file of the anti-virus industry, in two halves so that this file is not one.
  const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')
  const port = await world.site(['www.site.test'], (request, response) => {
    arrived++
    sends(request.url === '/virus' ? gzipSync(eicar) : 'ok', {
      'content-type': request.url === '/virus' ? 'application/gzip' : 'text/plain',
    })(request, response)
  })
  const at = `https://www.site.test:${port}`
  const card = await world.curl('--json', '{"note":"card 4111 1111 1111 1111, valid 12/28"}', `${at}/`)
  assert.equal(JSON.parse(card.stdout).reason, 'content-sensitive')
  assert.equal(arrived, 0)
  assert.equal((await world.curl('--json', '{"note":"nothing of interest"}', `${at}/`)).stdout, 'ok')
  assert.equal(JSON.parse((await world.curl(`${at}/virus`)).stdout).reason, 'content-malicious')
  await inspector.close()
})

test('a large download costs no more memory than a small one, scanned and not', async () => {
  for (const policies of [[scanned], [webPolicy('plain')]]) {
    await using world = await start({ policies })
    const block = randomBytes(64 * 1024)
    const port = await world.site(['www.site.test'], (_request, response) => {
      let left = 4096
      const more = () => {
        while (left-- > 0) if (!('stream' in response ? response.write(block) : response.write(block))) return
        if ('stream' in response) response.end()
        else response.end()
      }
      response.on('drain', more)
      more()
    })
    const at = `https://www.site.test:${port}/`
    const before = process.memoryUsage().rss
    const { stdout } = await world.curl('--limit-rate', '200M', '-o', '/dev/null', '-w', '%{size_download}', at)
    assert.equal(Number(stdout), 4096 * 64 * 1024)
    const grownMb = (process.memoryUsage().rss - before) / MiB
    assert.ok(grownMb < 120, `${grownMb} MiB more`)
  }
})
