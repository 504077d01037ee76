// The file of the store is nobody else's to read, whatever the folder and the umask allow.
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from './sqlite.ts'

const modes = (path: string) =>
  ['', '-wal', '-shm'].map((end) => (statSync(`${path}${end}`).mode & 0o777).toString(8)).join()

it('makes the file, its log and its index readable by their owner only, in a folder open to all', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-modes-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  chmodSync(folder, 0o755)
  const umask = process.umask(0)
  t.after(() => process.umask(umask))
  const path = join(folder, 'control.db')
  const file = openSqlite(path)
  const other = new DatabaseSync(path)
  other.exec('create table t (x)')
  assert.equal(modes(path), '600,600,600')
  other.close()
  file.close()
})

it('closes files that were open to others before', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-modes-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'control.db')
  writeFileSync(path, '')
  chmodSync(path, 0o644)
  const before = new DatabaseSync(path)
  before.exec('pragma journal_mode = wal; create table t (x)')
  for (const end of ['', '-wal', '-shm']) chmodSync(`${path}${end}`, 0o644)
  const file = openSqlite(path)
  assert.equal(modes(path), '600,600,600')
  before.close()
  file.close()
})
