// The operating system accounts under which an end-to-end test runs the parts and the people's programs, so that no
// part can read another's files. Must never create or change an account: numbers without a name are enough for
// parts, and people use names that every Debian has.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export type Account = { readonly uid: number; readonly gid: number; readonly name: string }

const partUids = { control: 61_001, exchange: 61_002, acme: 61_003, globex: 61_004, apps: 61_005 } as const
export type PartName = keyof typeof partUids

/** ssh and git refuse an account without a name, so people get accounts that own nothing and run nothing. */
const peopleNames = ['games', 'news', 'irc', 'uucp', 'list', 'lp']

/** Why the parts cannot have accounts of their own here, or false. */
export function accountsAbsent(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'not root: every part runs as the same user'
  // Only names are loaded: a clone below a closed home folder shows here.
  const look = spawnSync(process.execPath, ['--check', fileURLToPath(new URL('../cli/main.ts', import.meta.url))], {
    uid: partUids.control,
    gid: partUids.control,
    cwd: '/',
  })
  return look.status === 0 ? false : 'other accounts may not read this clone: every part runs as the same user'
}

export function partAccount(part: PartName): Account | undefined {
  if (accountsAbsent()) return undefined
  return { uid: partUids[part], gid: partUids[part], name: part }
}

const inUse = new Set<string>()

/** An account for one person; give it back when the person is gone. */
export function borrowAccount(): Account {
  const name = peopleNames.find((each) => !inUse.has(each))
  if (name === undefined) throw new Error('more people at once than there are accounts for')
  const id = (flag: string) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout)
  const [uid, gid] = [id('-u'), id('-g')]
  if (!(uid > 0 && gid > 0)) throw new Error(`this system has no account ${name}`)
  inUse.add(name)
  return { uid, gid, name }
}

export function returnAccount(account: Account): void {
  inUse.delete(account.name)
}

/** A folder of the account's own (0700), below one that everybody may pass through. */
export function folderOf(parent: string, name: string, account: Account | undefined): string {
  const path = join(parent, name)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (account) chownSync(path, account.uid, account.gid)
  return path
}

export function temporaryFolder(prefix: string, account: Account | undefined): string {
  const path = mkdtempSync(join(tmpdir(), prefix))
  if (account) {
    chownSync(path, account.uid, account.gid)
    chmodSync(path, 0o700)
  }
  return path
}

/** Where an account keeps compiled source from one test to the next; nobody else may write there. */
export function compileCacheOf(account: Account): string {
  const parent = join(tmpdir(), 'sallyport-e2e-compiled')
  mkdirSync(parent, { recursive: true, mode: 0o711 })
  // In a folder that somebody else made, somebody else could put code for us to run.
  if (statSync(parent).uid !== process.getuid?.()) throw new Error(`${parent} belongs to another account`)
  return folderOf(parent, String(account.uid), account)
}
