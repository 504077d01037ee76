// For tests only: a store on a fresh SQLite file, and a real PostgreSQL cluster of our own on a unix socket.
import { execFile } from 'node:child_process'
import { chownSync, mkdtempSync, readdirSync, existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { newId } from '#core/ids.ts'
import { startStore, type Store } from './store.ts'

const run = promisify(execFile)

export async function sqliteStore(nowMs: () => number = Date.now): Promise<Store> {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-store-'))
  const store = await startStore({ kind: 'sqlite', path: join(dir, 'store.db') }, { nowMs })
  const close = async () => {
    await store.close()
    await rm(dir, { recursive: true, force: true })
  }
  return { ...store, close, [Symbol.asyncDispose]: close }
}

/** A new active tenant row; returns its id. */
export async function addTenant(store: Store, name: string, isProvider = false): Promise<string> {
  const id = newId('tenant')
  await store.provider
    .insertInto('tenants', {
      id,
      name,
      displayName: name,
      parentId: null,
      status: 'active',
      isProvider: isProvider ? 1 : 0,
      createdAtMs: 0,
    })
    .execute()
  return id
}

export type Cluster = {
  /** A new, empty database owned by a user who is no superuser. */
  readonly newDatabase: () => Promise<string>
  readonly superuserUrl: (url: string) => string
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/** The folder of Debian's PostgreSQL programs, newest first; undefined when there is none. */
export function postgresBin(): string | undefined {
  const root = '/usr/lib/postgresql'
  if (!existsSync(root)) return undefined
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')))
}

export async function startCluster(bin: string): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'sallyport-pg-'))
  const asPostgres = await accountFor(dir)
  const data = join(dir, 'data')
  await asPostgres(join(bin, 'initdb'), [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'trust',
    '--no-sync',
    '-E',
    'UTF8',
    '--locale=C',
  ])
  const options = `-c listen_addresses='' -c unix_socket_directories='${dir}' -c fsync=off -c max_connections=50`
  await asPostgres(join(bin, 'pg_ctl'), ['-D', data, '-w', '-t', '30', '-o', options, '-l', join(dir, 'log'), 'start'])
  const psql = (sql: string) => asPostgres(join(bin, 'psql'), ['-h', dir, '-U', 'postgres', '-qc', sql])
  await psql('create role sallyport login createrole')
  let count = 0
  return {
    newDatabase: async () => {
      const name = `sallyport${++count}`
      await psql(`create database ${name} owner sallyport`)
      return `postgres://sallyport@localhost/${name}?host=${encodeURIComponent(dir)}`
    },
    superuserUrl: (url) => url.replace('sallyport@', 'postgres@'),
    [Symbol.asyncDispose]: async () => {
      await asPostgres(join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', '-w', 'stop'])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** PostgreSQL refuses to run as root; then it runs as the account that Debian's package made. */
async function accountFor(dir: string): Promise<(program: string, args: string[]) => Promise<unknown>> {
  if (process.getuid?.() !== 0) return (program, args) => run(program, args, { cwd: dir })
  const id = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout)
  chownSync(dir, await id('-u'), await id('-g'))
  return (program, args) => run('runuser', ['-u', 'postgres', '--', program, ...args], { cwd: dir })
}
