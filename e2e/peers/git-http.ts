// A real Git server over HTTP: `git http-backend` behind a small CGI bridge, as a private app of the tests.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type GitPeer = AsyncDisposable & { readonly port: number; readonly folder: string }

export async function startGitHttp(): Promise<GitPeer> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-e2e-git-'))
  const repository = join(folder, 'project.git')
  execFileSync('git', ['init', '-q', '--bare', '-b', 'main', repository])
  execFileSync('git', ['-C', repository, 'config', 'http.receivepack', 'true'])
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://git')
    const child = spawn('git', ['http-backend'], {
      env: {
        PATH: process.env['PATH'] ?? '',
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method ?? 'GET',
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        REMOTE_ADDR: '127.0.0.1',
        ...(request.headers['content-encoding'] && {
          HTTP_CONTENT_ENCODING: String(request.headers['content-encoding']),
        }),
        ...(request.headers['git-protocol'] && { GIT_PROTOCOL: String(request.headers['git-protocol']) }),
        ...(request.headers['content-length'] && { CONTENT_LENGTH: request.headers['content-length'] }),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    request.pipe(child.stdin)
    child.stdin.on('error', () => {})
    let head: Buffer | null = Buffer.alloc(0)
    child.stdout.on('data', (chunk: Buffer) => {
      if (head === null)
        return void (
          response.write(chunk) || (child.stdout.pause(), response.once('drain', () => child.stdout.resume()))
        )
      head = Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const lines = head.subarray(0, end).toString('latin1').split('\r\n')
      const rest = head.subarray(end + 4)
      head = null
      for (const line of lines) {
        const [name = '', value = ''] = line.split(/: */, 2)
        if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10)
        else response.setHeader(name, value)
      }
      response.write(rest)
    })
    child.stdout.on('end', () => response.end())
    response.on('close', () => child.kill())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    folder,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
