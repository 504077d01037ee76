import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { startEcho } from './echo.ts'
import { startFiles } from './files.ts'
import { startWiki } from './wiki.ts'

test('the wiki keeps a saved page over a restart and shows markup as text', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-wiki-'))
  try {
    const first = await startWiki(folder)
    const saved = await fetch(`http://127.0.0.1:${first.port}/page/notes`, {
      method: 'POST',
      body: new URLSearchParams({ text: '<script>1</script>' }),
    })
    assert.equal(saved.status, 200)
    await first.close()
    const second = await startWiki(folder)
    const page = await (await fetch(`http://127.0.0.1:${second.port}/page/notes`)).text()
    assert.equal(page.includes('<script>1'), false)
    assert.match(page, /&#60;script&#62;1/)
    await second.close()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the wiki tells everyone over WebSocket what one person says', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-wiki-'))
  const wiki = await startWiki(folder)
  const one = new WebSocket(`ws://127.0.0.1:${wiki.port}/socket`)
  const heard = new Promise<string>((resolve) =>
    one.on('message', (data) => data.toString().includes('hello') && resolve(data.toString())),
  )
  await new Promise((resolve) => one.once('open', resolve))
  one.send('hello')
  assert.equal(await heard, 'someone: hello')
  await wiki.close()
  await rm(folder, { recursive: true })
})

test('echo sends back what it got', async () => {
  const echo = await startEcho()
  const socket = connect(echo.port, '127.0.0.1')
  socket.write('abc\n')
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (text.endsWith('abc\n')) break
  }
  assert.equal(text, 'echo: type something\nabc\n')
  await echo.close()
})

test('a byte range of the large file is the same bytes as in the whole', async () => {
  const files = await startFiles()
  const whole = Buffer.from(await (await fetch(`http://127.0.0.1:${files.port}/small.bin`)).arrayBuffer())
  const part = await fetch(`http://127.0.0.1:${files.port}/large.bin`, { headers: { Range: 'bytes=1048570-1048580' } })
  assert.equal(part.status, 206)
  const bytes = Buffer.from(await part.arrayBuffer())
  assert.deepEqual(bytes, Buffer.concat([whole.subarray(-6), whole.subarray(0, 5)]))
  const beyond = await fetch(`http://127.0.0.1:${files.port}/small.bin`, { headers: { Range: 'bytes=99999999-' } })
  assert.equal(beyond.status, 416)
  await files.close()
})
