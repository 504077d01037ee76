// Tests only: keys, folders and a started journal. Must never be imported by anything but tests.
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newId, type TenantId } from '#core/ids.ts'
import { startJournal, type Journal } from './journal.ts'
import type { JournalConfig, JournalDeps, JournalProblem } from './journal-contract.ts'
import type { JournalKey, JournalSigner } from './statement.ts'

export type TestKey = { readonly signer: JournalSigner; readonly key: JournalKey }

/** A new Ed25519 key that counts for one writer, or a custodian's. */
export function newTestKey(writer: string | undefined, keyId = `key-${crypto.randomUUID()}`): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const signer = { keyId, sign: (bytes: Uint8Array) => sign(null, bytes, privateKey) }
  if (writer === undefined) return { signer, key: { kind: 'custodian', keyId, publicKey } }
  return { signer, key: { kind: 'writer', keyId, writer, publicKey } }
}

export type TestRoot = { readonly root: string } & AsyncDisposable

export async function newTestRoot(): Promise<TestRoot> {
  const root = await mkdtemp(join(tmpdir(), 'journal-'))
  return { root, [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }) }
}

export type TestJournal = {
  readonly journal: Journal
  readonly problems: JournalProblem[]
  readonly keys: readonly JournalKey[]
}

/** Starts a journal of writer `exc_one` (or as configured) that records its problems. */
export async function startTestJournal(
  config: Pick<JournalConfig, 'root'> & Partial<JournalConfig>,
  testKey: TestKey,
  deps: Partial<JournalDeps> = {},
): Promise<TestJournal> {
  const problems: JournalProblem[] = []
  const keys = [testKey.key]
  const report = (problem: JournalProblem): void => void problems.push(problem)
  const journal = await startJournal(
    { writer: 'exc_one', ...config },
    { signer: testKey.signer, keys, report, ...deps },
  )
  return { journal, problems, keys }
}

export function newTenant(): TenantId {
  return newId('tenant')
}
