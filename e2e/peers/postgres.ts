// A real PostgreSQL on a loopback port, with a password (SCRAM), as a private app of the tests.
import { execFile } from 'node:child_process'
import { chownSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { postgresBin } from '#control/store/testing.ts'
import { freePort } from './ports.ts'

const run = promisify(execFile)

export type PostgresPeer = AsyncDisposable & { readonly port: number; readonly password: string }

export async function startPostgres(): Promise<PostgresPeer> {
  const bin = postgresBin()
  if (bin === undefined) throw new Error('PostgreSQL is not installed (Debian package postgresql)')
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-e2e-pg-'))
  const password = 'correct horse battery'
  const secret = join(folder, 'password')
  writeFileSync(secret, password)
  const isRoot = process.getuid?.() === 0
  if (isRoot) {
    const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
    const [uid, gid] = [await id('-u'), await id('-g')]
    chownSync(folder, uid, gid)
    chownSync(secret, uid, gid)
  }
  const as = (program: string, args: string[]) =>
    isRoot
      ? run('runuser', ['-u', 'postgres', '--', join(bin, program), ...args], { cwd: folder })
      : run(join(bin, program), args, { cwd: folder })
  const data = join(folder, 'data')
  await as('initdb', [
    '-D',
    data,
    '-U',
    'tester',
    '-A',
    'scram-sha-256',
    '--pwfile',
    secret,
    '--no-sync',
    '-E',
    'UTF8',
    '--locale=C',
  ])
  const port = await freePort()
  const options = `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories='${folder}' -c fsync=off -c max_connections=30`
  await as('pg_ctl', ['-D', data, '-w', '-t', '60', '-o', options, '-l', join(folder, 'log'), 'start'])
  return {
    port,
    password,
    async [Symbol.asyncDispose]() {
      await as('pg_ctl', ['-D', data, '-m', 'immediate', '-w', 'stop']).catch(() => {})
      await rm(folder, { recursive: true, force: true })
    },
  }
}
