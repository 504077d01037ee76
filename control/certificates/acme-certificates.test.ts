// Certificates from a real ACME authority (Debian's pebble) for a whole control plane: proof at its port and by DNS, kept,
// renewed, and what is said when it goes wrong.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { test, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startControl, type ControlDeps } from '#control/server.ts'
import { parseControlConfig } from '#control/config.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf, listen } from '#transport/testing.ts'

const skip = !existsSync('/usr/bin/pebble') && 'pebble is not installed'

async function freePort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** An authority that validates names at `validationPort` of this machine, and a DNS that says so. */
async function startPebble(t: TestContext, validationPort: number) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-pebble-'))
  const ca = await createAuthority({ commonName: 'pebble', days: 1, pathLength: 0 })
  const { key, cert } = await leaf(ca, { sanDns: ['localhost'] })
  const [port, managementPort, dnsPort, dnsManagementPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const file = (name: string, text: string) => (writeFileSync(join(folder, name), text), join(folder, name))
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${port}`,
      managementListenAddress: `127.0.0.1:${managementPort}`,
      certificate: file('cert.pem', cert),
      privateKey: file('key.pem', key),
      httpPort: 1,
      tlsPort: validationPort,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
    },
  }
  const dns = spawn(
    '/usr/bin/pebble-challtestsrv',
    [
      ['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
      ['-dns01', `127.0.0.1:${dnsPort}`, '-management', `127.0.0.1:${dnsManagementPort}`],
    ].flat(),
    { stdio: 'ignore' },
  )
  const pebble = spawn(
    '/usr/bin/pebble',
    ['-config', file('config.json', JSON.stringify(config)), '-dnsserver', `127.0.0.1:${dnsPort}`],
    { stdio: 'ignore', env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '5', PEBBLE_AUTHZREUSE: '0' } },
  )
  const caFile = file('ca.pem', ca.certificatePem)
  t.after(async () => {
    await Promise.all([stopped(pebble), stopped(dns)])
    rmSync(folder, { recursive: true, force: true })
  })
  const directory = `https://localhost:${port}/dir`
  const until = AbortSignal.timeout(20_000)
  while (!(await isUp(port)) || !(await isUp(dnsManagementPort))) await delay(50, undefined, { signal: until })
  return { directory, caFile, folder, dnsManagementPort, stop: () => stopped(pebble) }
}

async function isUp(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}

type Acme = Readonly<Record<string, unknown>>

async function startWith(t: TestContext, port: number, acme: Acme, deps: Partial<ControlDeps> = {}, folder?: string) {
  const dataFolder = folder ?? mkdtempSync(join(tmpdir(), 'sallyport-acme-'))
  const config = parseControlConfig({
    dataFolder,
    domain: 'sallyport.test',
    appsDomain: 'apps.test',
    publicPort: 443,
    listen: { host: '127.0.0.1', port },
    web: { kind: 'acme', agreeToTerms: true, ...acme },
  })
  const control = await startControl(config, deps)
  t.after(async () => {
    await control.close()
    rmSync(dataFolder, { recursive: true, force: true })
  })
  return { control, dataFolder }
}

type Running = Awaited<ReturnType<typeof startWith>>['control']

async function until(control: Running, isSo: (figures: Awaited<ReturnType<Running['figures']>>) => boolean) {
  const untilMs = Date.now() + 30_000
  for (;;) {
    const figures = await control.figures()
    if (isSo(figures)) return figures
    if (Date.now() > untilMs) throw new Error(JSON.stringify(figures.certificates))
    await delay(50)
  }
}

async function shownFor(port: number, host: string, alpn?: string) {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    servername: host,
    rejectUnauthorized: false,
    ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
  })
  try {
    await Promise.race([
      once(socket, 'secureConnect'),
      once(socket, 'close').then(() => Promise.reject(new Error('closed'))),
    ])
    const { issuer, subjectAltName } = socket.getPeerX509Certificate() ?? {}
    return { issuer: issuer ?? '', names: subjectAltName ?? '' }
  } finally {
    socket.destroy()
  }
}

test('names are proven at our own port, certificates served, kept and renewed', { skip }, async (t) => {
  const port = await freePort()
  const { directory, caFile } = await startPebble(t, port)
  let aheadMs = 0
  const deps = { nowMs: () => Date.now() + aheadMs }
  const acme = { directory, caFile, challenge: 'tls-alpn-01' }
  const { control, dataFolder } = await startWith(t, port, acme, deps)
  const { certificates } = await until(control, (figures) =>
    figures.certificates.every(({ notAfterMs }) => notAfterMs !== null),
  )
  assert.deepEqual(
    certificates.map(({ name }) => name),
    ['api', 'console', 'id', 'provider'].map((label) => `${label}.sallyport.test`),
  )
  const shown = await shownFor(port, 'api.sallyport.test')
  assert.match(shown.issuer, /Pebble Intermediate/)
  assert.equal(shown.names, 'DNS:api.sallyport.test')
  // Nobody is answered on behalf of a challenge that is over.
  await assert.rejects(shownFor(port, 'api.sallyport.test', 'acme-tls/1'))

  await t.test('a restart serves what was kept, without asking again', async (inner) => {
    await control.close()
    const log: string[] = []
    const again = await startWith(t, port, acme, { ...deps, log: (message) => log.push(message) }, dataFolder)
    const figures = await again.control.figures()
    assert.deepEqual(
      figures.certificates.map(({ notAfterMs }) => notAfterMs),
      certificates.map(({ notAfterMs }) => notAfterMs),
    )
    assert.equal(log.includes('certificate issued'), false)
    const text = ['control.db', 'control.db-wal']
      .map((name) => join(dataFolder, name))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, 'latin1'))
      .join('')
    assert.doesNotMatch(text, /BEGIN (EC )?PRIVATE KEY/)

    await inner.test('at two thirds of its life each is renewed', async () => {
      const [first] = certificates
      const lifeMs = (first?.notAfterMs ?? 0) - Date.now()
      aheadMs = lifeMs * 0.7
      await again.control.renewCertificates()
      const renewed = await until(again.control, () => log.filter((line) => line === 'certificate issued').length === 4)
      assert.equal(
        renewed.certificates.every(({ failures }) => failures === 0),
        true,
      )
    })
  })
})

test('by DNS one certificate stands for all names; the record is taken away again', { skip }, async (t) => {
  const port = await freePort()
  const { directory, caFile, folder, dnsManagementPort } = await startPebble(t, 1)
  const hook = join(folder, 'hook')
  writeFileSync(
    hook,
    `#!/bin/sh
echo "$1 $2" >> '${folder}/hook.log'
case "$1" in
add) curl -sS -d "{\\"host\\":\\"$2.\\",\\"value\\":\\"$3\\"}" http://127.0.0.1:${dnsManagementPort}/set-txt ;;
remove) curl -sS -d "{\\"host\\":\\"$2.\\"}" http://127.0.0.1:${dnsManagementPort}/clear-txt ;;
esac
`,
  )
  chmodSync(hook, 0o700)
  const { control } = await startWith(t, port, { directory, caFile, challenge: 'dns-01', hook })
  const { certificates } = await until(control, (figures) =>
    figures.certificates.every(({ notAfterMs }) => notAfterMs !== null),
  )
  assert.deepEqual(
    certificates.map(({ name }) => name),
    ['*.sallyport.test'],
  )
  assert.equal((await shownFor(port, 'console.sallyport.test')).names, 'DNS:*.sallyport.test')
  assert.deepEqual(readFileSync(join(folder, 'hook.log'), 'utf8').trim().split('\n'), [
    'add _acme-challenge.sallyport.test',
    'remove _acme-challenge.sallyport.test',
  ])
})

test('a name that cannot be proven is told with its reason, waited with, and served to nobody', { skip }, async (t) => {
  const [port, elsewhere] = [await freePort(), await freePort()]
  const { directory, caFile } = await startPebble(t, elsewhere)
  const { control } = await startWith(t, port, { directory, caFile, challenge: 'tls-alpn-01' })
  const { certificates } = await until(control, (figures) => figures.certificates.some(({ failures }) => failures > 0))
  const failed = certificates.find(({ failures }) => failures > 0)
  assert.match(failed?.problem ?? '', /Failed to connect/)
  assert.ok((failed?.nextAttemptMs ?? 0) > Date.now() + 30_000)
  await assert.rejects(shownFor(port, 'api.sallyport.test'))
})
