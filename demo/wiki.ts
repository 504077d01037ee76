// A small wiki, one of the demo tenant's private apps: pages in a JSON file, live presence over WebSocket.
// It listens on loopback only and trusts nobody but the connector beside it; it must never be exposed as it is.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import { type DemoApp, listenOnLoopback } from './loopback.ts'

const MAX_PAGE_BYTES = 100_000 // more than any page worth reading; bounds memory per request
const MAX_PAGES = 1000
const pagePath = /^\/page\/([a-z0-9][a-z0-9-]{0,60})$/

export async function startWiki(folder: string, preferredPort = 0): Promise<DemoApp> {
  const file = join(folder, 'wiki.json')
  const pages = new Map<string, string>(await readPages(file))
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 4096, clientTracking: true })

  const server = createServer((request, response) => {
    handle(request, response).catch(() => {
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://wiki').pathname
    const match = pagePath.exec(path)
    if (request.method === 'GET' && path === '/') return page(response, 'Wiki', index(pages, personOf(request)))
    if (request.method === 'GET' && path === '/live') return page(response, 'Live', livePage)
    if (request.method === 'GET' && path === '/live.js') return script(response)
    if (request.method === 'GET' && match)
      return page(response, match[1] ?? '', article(match[1] ?? '', pages.get(match[1] ?? '')))
    if (request.method === 'POST' && match) {
      const text = new URLSearchParams(await body(request)).get('text') ?? ''
      if (pages.size < MAX_PAGES || pages.has(match[1] ?? '')) pages.set(match[1] ?? '', text)
      await writePages(file, pages)
      response.writeHead(303, { Location: path }).end()
      return
    }
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('There is no such page.\n')
  }

  server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/socket') return void socket.destroy()
    sockets.handleUpgrade(request, socket, head, (client) => {
      const name = personOf(request)
      const tell = (text: string) => {
        for (const other of sockets.clients) other.send(text)
      }
      client.on('error', () => client.terminate())
      client.on('message', (data) => tell(`${name}: ${data.toString().slice(0, 500)}`))
      client.on('close', () => tell(`${name} left; ${sockets.clients.size} here`))
      tell(`${name} joined; ${sockets.clients.size} here`)
    })
  })

  const port = await listenOnLoopback(server, preferredPort)
  return {
    port,
    async close() {
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The name in the exchange's assertion. The wiki only shows it, so it does not verify the signature. */
function personOf(request: IncomingMessage): string {
  try {
    const [, payload = ''] = String(request.headers['x-sallyport-assertion'] ?? '').split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { name?: unknown }
    return typeof claims.name === 'string' ? claims.name.slice(0, 100) : 'someone'
  } catch {
    return 'someone'
  }
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_PAGE_BYTES) throw new Error('page too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

async function readPages(file: string): Promise<[string, string][]> {
  try {
    return Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, string>)
  } catch {
    return [
      [
        'welcome',
        'This wiki is private: no port of it is open to any network.\n\nYou reach it because policy lets you, and only for as long as it does.',
      ],
      ['runbook', 'On call: look at the console first. Contain, then investigate.'],
    ]
  }
}

async function writePages(file: string, pages: ReadonlyMap<string, string>): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(Object.fromEntries(pages), null, 1))
  await rename(`${file}.new`, file)
}

const escape = (text: string) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

function index(pages: ReadonlyMap<string, string>, person: string): string {
  const items = [...pages.keys()].toSorted().map((name) => `<li><a href="/page/${name}">${name}</a></li>`)
  return `<p>Hello, <strong>${escape(person)}</strong>.</p><ul>${items.join('')}</ul><p><a href="/live">Who is here now</a></p>`
}

function article(name: string, text: string | undefined): string {
  const shown = text === undefined ? '<p>Nobody has written this page yet.</p>' : `<pre>${escape(text)}</pre>`
  return `${shown}<form method="post" action="/page/${name}"><textarea name="text" rows="8" cols="70">${escape(text ?? '')}</textarea><p><button>Save</button></p></form><p><a href="/">All pages</a></p>`
}

const livePage =
  '<p>Open this page twice.</p><p><input id="line" autofocus placeholder="Say something and press Enter"></p><pre id="log"></pre><script src="/live.js"></script>'

function script(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' })
  response.end(`const log = document.getElementById('log')
const socket = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/socket')
socket.onmessage = (event) => { log.textContent += event.data + '\\n' }
socket.onclose = () => { log.textContent += 'The connection was closed.\\n' }
document.getElementById('line').onchange = (event) => { socket.send(event.target.value); event.target.value = '' }
`)
}

function page(response: ServerResponse, title: string, content: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy':
      "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'",
  })
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)} · Acme wiki</title>` +
      '<style>body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}pre{white-space:pre-wrap}textarea{width:100%}</style>' +
      `<h1>${escape(title)}</h1>${content}</html>`,
  )
}
