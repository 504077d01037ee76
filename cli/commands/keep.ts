// Commands that back up a part's data folder and its store, put a backup back, and move a store to PostgreSQL. They run
// beside a running server or without one; the private key of a backup is only ever read by restore and verify.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Fault } from '#core/fault.ts'
import type { RestoreReport } from '#control/backup/restore-backup.ts'
import type { StoreConfig } from '#control/store/store.ts'
import { type Command, type Input, UsageFault } from '#cli/command.ts'
import { safe, table, write, writeError, writeJson } from '#cli/output.ts'
import { SOFTWARE } from '#cli/version.ts'

const postgresOption = {
  type: 'string',
  help: 'name of the environment variable that holds the PostgreSQL URL (default: SQLite)',
} as const
const jsonOption = { type: 'boolean', help: 'write JSON for machines' } as const

function needed(input: Input, name: string, command: Command): string {
  const value = input.text(name)
  if (value === undefined) throw new UsageFault(`--${name} is needed`, command)
  return value
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('not-found', { hint: `${file} cannot be read.`, cause })
  }
}

function urlFrom(input: Input): string | undefined {
  const name = input.text('postgres-from')
  if (name === undefined) return undefined
  const url = process.env[name]
  if (!url) throw new Fault('configuration-invalid', { hint: `The variable ${name} is not set.` })
  return url
}

/** Where the control plane of a data folder keeps its rows; an all-in-one folder has it one level down. */
function storeOf(folder: string, url: string | undefined) {
  const pathBelowFolder = existsSync(join(folder, 'control')) ? 'control/control.db' : 'control.db'
  if (url !== undefined) return { config: { kind: 'postgres', url } as const, pathBelowFolder }
  const path = join(folder, pathBelowFolder)
  return existsSync(path) ? { config: { kind: 'sqlite', path } as const, pathBelowFolder } : null
}

export const backupKey: Command = {
  usage: 'backup key --to FILE',
  summary: 'make the key that backups are sealed to: FILE stays offline, FILE.pub goes to the server',
  options: { to: { type: 'string', help: 'file for the private key; the public one is written beside it' } },
  positionals: [0, 0],
  async run(input) {
    const to = needed(input, 'to', backupKey)
    const { makeRecipient } = await import('#control/backup/recipient.ts')
    const { privatePem, publicPem } = makeRecipient()
    try {
      writeFileSync(to, privatePem, { mode: 0o600, flag: 'wx', flush: true })
      writeFileSync(`${to}.pub`, publicPem, { mode: 0o644, flag: 'wx', flush: true })
    } catch (cause) {
      throw new Fault('name-taken', { hint: `${to} or ${to}.pub cannot be made, or is there already.`, cause })
    }
    write(`${to}      private: keep it away from the server; without it no backup opens`)
    write(`${to}.pub  public: give it to "sallyport backup create --for"`)
    return 0
  },
}

export const backupCreate: Command = {
  usage: 'backup create --data FOLDER --for KEY.pub --to FILE',
  summary: 'seal everything that a part keeps into one file, while it runs',
  options: {
    data: { type: 'string', help: 'data folder of the part' },
    for: { type: 'string', help: 'public key made by "backup key"' },
    to: { type: 'string', help: 'file to write; nothing is written over' },
    'postgres-from': postgresOption,
    json: jsonOption,
  },
  positionals: [0, 0],
  async run(input) {
    const folder = resolve(needed(input, 'data', backupCreate))
    if (!existsSync(folder)) throw new Fault('not-found', { hint: `There is no folder ${folder}.` })
    const { readRecipient } = await import('#control/backup/recipient.ts')
    const { takeBackup } = await import('#control/backup/take-backup.ts')
    const to = resolve(needed(input, 'to', backupCreate))
    const recipient = readRecipient(textOf(needed(input, 'for', backupCreate)), 'public')
    const report = await takeBackup(
      { folder, store: storeOf(folder, urlFrom(input)), to, recipient, software: SOFTWARE },
      { nowMs: Date.now, signal: input.signal },
    )
    const rows = Object.values(report.rows).reduce((sum, { count }) => sum + count, 0)
    if (input.isJson) writeJson(report)
    else write(`${to}: ${rows} rows, ${report.files} files, ${report.bytes} bytes.`)
    return 0
  },
}

const openOptions = {
  key: { type: 'string', help: 'private key made by "backup key"' },
  json: jsonOption,
} as const

export const backupVerify: Command = {
  usage: 'backup verify FILE --key KEY',
  summary: 'read a whole backup, say what is in it, and recompute the chains of its journal',
  options: openOptions,
  positionals: [1, 1],
  async run(input) {
    const scratch = mkdtempSync(join(tmpdir(), 'sallyport-verify-'))
    try {
      const folder = join(scratch, 'restored')
      const report = await restore(input, folder, backupVerify, { isKeepingSessions: true })
      const journal = ['control/journal', 'journal'].map((name) => join(folder, name)).find((path) => existsSync(path))
      const { journalVerify } = await import('./prove.ts')
      const code =
        journal === undefined ? 0 : await journalVerify.run({ ...input, words: [journal], text: () => undefined })
      tell(report, input)
      return code
    } finally {
      rmSync(scratch, { recursive: true, force: true })
    }
  },
}

export const backupRestore: Command = {
  usage: 'backup restore FILE --key KEY --data FOLDER',
  summary: 'put a backup into an empty folder (and an empty database); ends the sessions that were alive in it',
  options: {
    ...openOptions,
    data: { type: 'string', help: 'folder to make; must not exist or be empty' },
    'postgres-from': postgresOption,
    'keep-sessions': { type: 'boolean', help: 'for a move: sessions of the backup stay alive' },
  },
  positionals: [1, 1],
  async run(input) {
    const folder = resolve(needed(input, 'data', backupRestore))
    const url = urlFrom(input)
    const report = await restore(input, folder, backupRestore, {
      isKeepingSessions: input.flag('keep-sessions'),
      ...(url !== undefined && { postgresUrl: url }),
    })
    tell(report, input)
    if (input.isJson) return 0
    write(`In ${folder}. ${report.endedSessions} sessions that were alive in it are ended.`)
    if (!report.hasKeyFile && report.about.storePath !== null)
      writeError('The key-encryption key is not in it: set the variable that held it before you start control.')
    const taken = new Date(report.about.takenAtMs).toISOString()
    writeError(`Whatever was revoked or contained after ${taken} is not: look at what happened since, and do it again.`)
    return 0
  },
}

async function restore(
  input: Input,
  folder: string,
  command: Command,
  how: { readonly isKeepingSessions: boolean; readonly postgresUrl?: string },
): Promise<RestoreReport> {
  const { readRecipient } = await import('#control/backup/recipient.ts')
  const { restoreBackup } = await import('#control/backup/restore-backup.ts')
  const [file = ''] = input.words
  const recipient = readRecipient(textOf(needed(input, 'key', command)), 'private')
  return await restoreBackup({ file, recipient, folder, ...how }, { nowMs: Date.now, signal: input.signal })
}

function tell({ about, rows, files }: RestoreReport, input: Input): void {
  if (input.isJson) return writeJson({ about, rows, files })
  const counts = Object.entries(rows).map(([name, { count }]) => [name, count])
  if (counts.length > 0) write(table(['TABLE', 'ROWS'], counts))
  write(`Taken ${new Date(about.takenAtMs).toISOString()} by ${safe(about.software)}: ${files} files.`)
}

export const migrateStore: Command = {
  usage: 'migrate --data FOLDER --postgres-from NAME',
  summary: 'copy the store of a stopped control plane from SQLite into an empty PostgreSQL database, and compare',
  options: {
    data: { type: 'string', help: 'data folder of the control plane' },
    'postgres-from': { type: 'string', help: 'name of the environment variable that holds the PostgreSQL URL' },
    json: jsonOption,
  },
  positionals: [0, 0],
  async run(input) {
    const folder = resolve(needed(input, 'data', migrateStore))
    needed(input, 'postgres-from', migrateStore)
    const from = storeOf(folder, undefined)
    const url = urlFrom(input)
    if (!from || url === undefined) throw new Fault('not-found', { hint: `${folder} holds no SQLite store.` })
    const { copyStore } = await import('#control/backup/copy-store.ts')
    const target: StoreConfig = { kind: 'postgres', url }
    const rows = await copyStore({ folder, source: from, target }, Date.now)
    if (input.isJson) writeJson(rows)
    else {
      write(
        table(
          ['TABLE', 'ROWS', 'SAME'],
          Object.entries(rows).map(([name, { count }]) => [name, count, 'yes']),
        ),
      )
      write(`Start control with --postgres-from ${input.text('postgres-from')}; ${from.config.kind} stays as it is.`)
    }
    return 0
  },
}

export const rotateEncryptionKey: Command = {
  usage: 'keys rotate-encryption --data FOLDER',
  summary: 'seal everything in the store under a new key-encryption key, while control runs',
  options: {
    data: { type: 'string', help: 'data folder of the control plane' },
    'postgres-from': postgresOption,
    json: jsonOption,
  },
  positionals: [0, 0],
  async run(input) {
    const folder = resolve(needed(input, 'data', rotateEncryptionKey))
    const store = storeOf(folder, urlFrom(input))
    const keyFile = join(folder, store ? dirname(store.pathBelowFolder) : '', 'kek')
    if (!store || !existsSync(keyFile))
      throw new Fault('not-found', {
        hint: `${folder} holds no store with a key file; a key in a variable is changed there.`,
      })
    const { rotateEncryption } = await import('#control/authority/rotate-encryption.ts')
    const report = await rotateEncryption(keyFile, store.config, { nowMs: Date.now, signal: input.signal })
    if (input.isJson) writeJson(report)
    else write(`${report.resealed} values are sealed under a new key; the old one is out of ${keyFile}.`)
    return 0
  },
}
