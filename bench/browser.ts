// The browser door beside nginx: the same keep-alive GETs, the same TLS towards the client and towards the app's side, all
// our checks and the journal on. Counts the processor time of one process each: the exchange, and nginx where it ends the
// client's TLS. h2load asks. Without nginx or h2load it says so and measures nothing.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { formsOf, Person } from '#demo/person.ts'
import { freePort, untilListening } from '#e2e/peers/ports.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf } from '#transport/testing.ts'
import { processorSeconds } from './processes.ts'
import { type Measured, startMeasured } from './product.ts'
import { type Options, row, type Row } from './row.ts'

const HOST = 'traffic.acme.apps.localhost'
const CLIENTS = 16

type Side = { readonly port: number; readonly pid: number; readonly cookie: string }
type Run = { readonly perRequestUs: number; readonly perSecond: number }

export async function measureBrowser({ isQuick, say }: Options): Promise<readonly Row[]> {
  if (programs.some((path) => !existsSync(path))) {
    say('browser: nginx or h2load is not installed; nothing is measured')
    return []
  }
  await using measured = await startMeasured()
  const ours = { port: measured.product.port, pid: measured.pids.exchange, cookie: await signedIn(measured) }
  await using nginx = await startNginx(measured.ports.http)
  const seconds = isQuick ? 3 : 8
  const repeats = isQuick ? 3 : 7
  const rows: Row[] = []
  for (const [version, goal] of [
    ['HTTP/1.1', 4.5],
    ['HTTP/2', 2.5],
  ] as const) {
    const [mine, theirs]: [Run[], Run[]] = [[], []]
    await load(ours, version, 1)
    await load(nginx, version, 1)
    for (let each = 0; each < repeats; each++) {
      mine.push(await load(ours, version, seconds))
      theirs.push(await load(nginx, version, seconds))
      say(
        `browser ${version} ${each + 1}: ${mine.at(-1)?.perRequestUs.toFixed(0)} µs, nginx ${theirs.at(-1)?.perRequestUs.toFixed(0)} µs`,
      )
    }
    const counted = `exchange against the one nginx process that ends the client's TLS; ${CLIENTS} connections, TLS on both sides`
    rows.push(
      row({
        name: `browser door, ${version} GET of 3 bytes, processor time`,
        unit: 'µs',
        values: mine.map(({ perRequestUs }) => perRequestUs),
        peer: { values: theirs.map(({ perRequestUs }) => perRequestUs), version: nginx.version },
        goal: { of: 'ratio', is: 'at most', value: goal },
        counted,
      }),
      row({
        name: '… requests at that load',
        unit: '/s',
        values: mine.map(({ perSecond }) => perSecond),
        peer: { values: theirs.map(({ perSecond }) => perSecond), version: nginx.version },
        counted: 'whole path on this machine: ours with connector, journal and control; theirs two nginx',
      }),
    )
  }
  return rows
}

const programs = ['/usr/sbin/nginx', '/usr/bin/h2load']

async function signedIn({ product }: Measured): Promise<string> {
  const account = product.accounts.get('acme/alice')
  if (account === undefined) throw new Error('alice is not there')
  const person = new Person(product.webCaPem)
  const url = new URL(`https://${HOST}:${product.port}/`)
  let page = await person.open(url)
  for (let step = 0; step < 6 && page.url.host !== url.host; step++) {
    const fields = new Set(formsOf(page).flatMap((form) => [...form.fields.keys()]))
    page = fields.has('password')
      ? await person.submit(page, { user: account.user, password: account.password })
      : await person.submit(page, {})
  }
  // A new app takes a moment to reach its connectors.
  for (
    const end = performance.now() + 20_000;
    page.status === 503 && performance.now() < end;
    page = await person.open(url)
  ) {
    await wait(100)
  }
  if (page.status !== 200 || page.text !== 'ok\n') throw new Error(`the app answers ${page.status}`)
  return [...person.cookiesOf(url.host)].map(([name, value]) => `${name}=${value}`).join('; ')
}

/** One run of h2load against one side; throws when a request fails. */
async function load({ port, pid, cookie }: Side, version: 'HTTP/1.1' | 'HTTP/2', seconds: number): Promise<Run> {
  const args = [
    ...(version === 'HTTP/1.1' ? ['--h1'] : ['-m', '4']),
    '-c',
    String(CLIENTS),
    '-t',
    '1',
    '-D',
    String(seconds),
    `--connect-to=127.0.0.1:${port}`,
    ...(cookie === '' ? [] : ['-H', `cookie: ${cookie}`]),
    `https://${HOST}:${port}/`,
  ]
  const before = processorSeconds(pid)
  const text = await outputOf('/usr/bin/h2load', args)
  const used = processorSeconds(pid) - before
  const numbers = /requests: (\d+) total.*?(\d+) succeeded, (\d+) failed/.exec(text)
  const good = Number(/status codes: (\d+) 2xx/.exec(text)?.[1])
  if (numbers === null || good === 0 || Number(numbers[3]) > 0 || good < Number(numbers[2])) {
    throw new Error(`h2load: ${text.slice(-800)}`)
  }
  return { perRequestUs: (used * 1e6) / good, perSecond: good / seconds }
}

async function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = await new Promise<[number | null]>((resolve) => child.once('close', (ended) => resolve([ended])))
  const text = Buffer.concat(chunks).toString()
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${text.slice(-400)}`)
  return text
}

/** Two, one behind the other: where a browser's TLS ends, and beside the app, with TLS and keep-alive in between. */
async function startNginx(appPort: number): Promise<Side & AsyncDisposable & { readonly version: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-nginx-'))
  const authority = await createAuthority({ commonName: 'bench', days: 2, pathLength: 0 })
  const { key, cert } = await leaf(authority, { sanDns: [HOST] })
  const at = (name: string) => join(folder, name)
  writeFileSync(at('key.pem'), key, { mode: 0o600 })
  writeFileSync(at('cert.pem'), cert)
  writeFileSync(at('ca.pem'), authority.certificatePem)
  const [port, innerPort] = [await freePort(), await freePort()]
  const server = (name: string, listenPort: number, upstream: string, http2: boolean) => `
    daemon off; master_process off; worker_processes 1; pid ${at(`${name}.pid`)}; error_log ${at('error.log')};
    events { worker_connections 1024; }
    http {
      access_log ${at(`${name}.log`)}; keepalive_requests 10000000;
      client_body_temp_path ${at('b')}; proxy_temp_path ${at('p')}; fastcgi_temp_path ${at('f')};
      uwsgi_temp_path ${at('u')}; scgi_temp_path ${at('s')};
      ${upstream}
      server {
        listen 127.0.0.1:${listenPort} ssl${http2 ? ' http2' : ''};
        ssl_certificate ${at('cert.pem')}; ssl_certificate_key ${at('key.pem')}; ssl_protocols TLSv1.2 TLSv1.3;
        location / { proxy_pass ${name === 'outer' ? 'https' : 'http'}://next; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_set_header Host $host; proxy_ssl_trusted_certificate ${at('ca.pem')}; proxy_ssl_verify on;
          proxy_ssl_name ${HOST}; proxy_ssl_protocols TLSv1.3; }
      }
    }`
  const next = (to: number) => `upstream next { server 127.0.0.1:${to}; keepalive 64; keepalive_requests 10000000; }`
  writeFileSync(at('outer.conf'), server('outer', port, next(innerPort), true))
  writeFileSync(at('inner.conf'), server('inner', innerPort, next(appPort), false))
  const children = ['inner', 'outer'].map((name) =>
    spawn('/usr/sbin/nginx', ['-c', at(`${name}.conf`), '-e', at('error.log')], { stdio: 'ignore' }),
  )
  await untilListening(innerPort)
  await untilListening(port)
  const version = `nginx ${/nginx\/(\S+)/.exec(execFileSync('/bin/sh', ['-c', '/usr/sbin/nginx -v 2>&1'], { encoding: 'utf8' }))?.[1] ?? '?'}`
  return {
    port,
    pid: children[1]?.pid ?? 0,
    cookie: '',
    version,
    async [Symbol.asyncDispose]() {
      for (const child of children) {
        child.kill('SIGTERM')
        if (child.exitCode === null) await new Promise((ended) => void child.once('exit', ended))
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
