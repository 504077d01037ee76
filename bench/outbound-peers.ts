// Squid with ssl-bump and mitmproxy, when they are on the path: each with an authority of its own and nothing stored.
// Without them the bench says so and measures us alone.
import { execFileSync, spawn } from 'node:child_process'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { createAuthority } from '#transport/certificate-authority.ts'
import { freePort, untilListening } from '#e2e/peers/ports.ts'
import type { Proxy } from './outbound-client.ts'
import { childrenOf } from './processes.ts'

export type Peer = AsyncDisposable & {
  readonly proxy: Proxy
  readonly version: string
  /** Every process whose time is counted. */
  readonly pids: () => readonly number[]
}

/** `squid` of Debian's squid-openssl; the plain package has no ssl-bump. null: not there. */
export async function startSquid(siteCaFile: string): Promise<Peer | null> {
  const program = which('squid')
  if (program === undefined) return null
  const version = /Version (\S+)/.exec(execFileSync(program, ['-v'], { encoding: 'utf8' }))?.[1] ?? '?'
  // Also where the package was only unpacked, without being installed.
  const prefix = resolve(dirname(program), '../..')
  const below = (path: string) => (existsSync(join(prefix, path)) ? join(prefix, path) : join('/', path))
  const certgen = below('usr/lib/squid/security_file_certgen')
  const authority = await createAuthority({ commonName: 'squid', days: 2, pathLength: 0, usages: ['server'] })
  // A folder of its own: started by root it runs as somebody else, who may not pass through other folders of the bench.
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-squid-'))
  const as = process.getuid?.() === 0 ? accountOf('proxy') : undefined
  const at = (name: string) => join(folder, name)
  copyFileSync(siteCaFile, at('sites.pem'))
  writeFileSync(at('ca.pem'), `${authority.certificatePem}\n${authority.privateKeyPem}\n`)
  execFileSync(certgen, ['-c', '-s', at('ssl_db'), '-M', '4MB'], { stdio: 'ignore' })
  const port = await freePort()
  const lines = [
    `http_port 127.0.0.1:${port} ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert=${at('ca.pem')}`,
    `sslcrtd_program ${certgen} -s ${at('ssl_db')} -M 4MB`,
    'acl first at_step SslBump1',
    'ssl_bump peek first',
    'ssl_bump bump all',
    'http_access allow all',
    'cache deny all',
    `tls_outgoing_options cafile=${at('sites.pem')}`,
    `access_log stdio:${at('access.log')}`,
    `cache_log ${at('cache.log')}`,
    `pid_filename ${at('squid.pid')}`,
    `coredump_dir ${folder}`,
    `mime_table ${below('usr/share/squid/mime.conf')}`,
    `error_directory ${below('usr/share/squid/errors/English')}`,
    `icon_directory ${below('usr/share/squid/icons')}`,
    'shutdown_lifetime 1 seconds',
    'max_filedescriptors 8192',
  ]
  writeFileSync(at('squid.conf'), `${lines.join('\n')}\n`)
  if (as !== undefined) for (const path of everythingIn(folder)) chownSync(path, as.uid, as.gid)
  const child = spawn(program, ['-N', '-f', at('squid.conf')], { stdio: 'ignore', ...as })
  await untilListening(port)
  const pid = child.pid ?? 0
  return {
    version: `Squid ${version} ssl-bump`,
    proxy: { port, ca: authority.certificatePem, host: 'localhost' },
    pids: () => [pid, ...childrenOf(pid, 'certgen')],
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await new Promise((ended) => void child.once('exit', ended))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Squid refuses to run as root. */
function accountOf(name: string): { readonly uid: number; readonly gid: number } {
  const number = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' }))
  return { uid: number('-u'), gid: number('-g') }
}

function everythingIn(folder: string): readonly string[] {
  return [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))]
}

export async function startMitmproxy(folder: string): Promise<Peer | null> {
  const program = which('mitmdump')
  if (program === undefined) return null
  const version = /(\d+\.\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? '?'
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const settings = [`confdir=${folder}`, 'ssl_insecure=true', 'flow_detail=0'].flatMap((each) => ['--set', each])
  const child = spawn(program, ['-q', '--listen-host', '127.0.0.1', '-p', String(port), ...settings], {
    stdio: 'ignore',
  })
  await untilListening(port)
  const pid = child.pid ?? 0
  return {
    version: `mitmproxy ${version}`,
    proxy: { port, ca: readFileSync(join(folder, 'mitmproxy-ca-cert.pem'), 'utf8'), host: 'localhost' },
    pids: () => [pid],
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await new Promise((ended) => void child.once('exit', ended))
    },
  }
}

function which(name: string): string | undefined {
  return (
    (process.env['PATH'] ?? '')
      .split(':')
      // Where daemons are, which people's paths often leave out.
      .concat('/usr/sbin')
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path))
  )
}
