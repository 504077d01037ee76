// Proves what the manifest says: every file there, whole and with the rows it should have; every chain recomputed from
// the rows and held against the writer's signature. Must never change a file, and never stop at the first fault.
import { stat } from 'node:fs/promises'
import { isFault } from '#core/fault.ts'
import type { TenantId } from '#core/ids.ts'
import { errorCode } from '#journal/layout.ts'
import { hashPrefix, hashRecord } from '#journal/record.ts'
import { isAuthentic, type JournalKey } from '#journal/statement.ts'
import { quoteText, type Database } from './database.ts'
import { fileName, filePath } from './layout.ts'
import { readManifest, type Head, type LakeFile, type Manifest } from './manifest.ts'
import { factsOf, hashFile } from './parquet.ts'

export type LakeProblem = {
  readonly kind:
    | 'manifest-damaged'
    | 'file-missing'
    | 'file-changed'
    | 'file-unreadable'
    | 'rows-differ'
    | 'sequence-gap'
    | 'chain-differs'
    | 'seal-invalid'
  /** A file's name, or a writer. */
  readonly where: string
  readonly detail: string
}

export type TenantReport = {
  readonly tenant: TenantId
  readonly version: number
  readonly files: number
  readonly rows: number
  readonly bytes: number
  readonly chains: readonly ChainReport[]
  readonly problems: readonly LakeProblem[]
}

export type ChainReport = {
  readonly writer: string
  readonly through: number
  /** Records whose hashes were recomputed up to a signature of the writer. */
  readonly provenRows: number
  /** Records that are there but stand beside removed ones, so that the hashes between cannot be recomputed. */
  readonly unprovenRows: number
  readonly removedRows: number
  /** Records that the journal had removed before they came here. */
  readonly missedRows: number
}

export type VerifyRequest = {
  readonly folder: string
  readonly tenant: TenantId
  readonly keys: readonly JournalKey[]
  readonly signal: AbortSignal
}

export async function verifyTenant(database: Database, request: VerifyRequest): Promise<TenantReport> {
  const { folder, tenant } = request
  const problems: LakeProblem[] = []
  let manifest: Manifest
  try {
    manifest = await readManifest(folder, tenant)
  } catch (error) {
    if (!isFault(error, 'lake-corrupt')) throw error
    const problem: LakeProblem = { kind: 'manifest-damaged', where: 'manifest.json', detail: 'it does not verify' }
    return { tenant, version: 0, files: 0, rows: 0, bytes: 0, chains: [], problems: [problem] }
  }
  const readable: LakeFile[] = []
  for (const file of manifest.files) {
    const problem = await checkFile(database, file, request)
    if (problem === undefined) readable.push(file)
    else problems.push(problem)
  }
  const chains: ChainReport[] = []
  for (const [writer, { through, heads, missedRows }] of Object.entries(manifest.chains)) {
    const report = { writer, through, provenRows: 0, unprovenRows: 0, removedRows: 0, missedRows }
    for (const head of heads) {
      const rows = await checkHead(database, writer, head, readable, request, problems)
      if (head.removedRows === 0) report.provenRows += rows
      else report.unprovenRows += rows
      report.removedRows += head.removedRows
    }
    chains.push(report)
  }
  return {
    tenant,
    version: manifest.version,
    files: manifest.files.length,
    rows: manifest.files.reduce((sum, { rows }) => sum + rows, 0),
    bytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    chains,
    problems,
  }
}

async function checkFile(
  database: Database,
  file: LakeFile,
  { folder, tenant, signal }: VerifyRequest,
): Promise<LakeProblem | undefined> {
  const path = filePath(folder, tenant, file)
  const where = `${file.day}/${fileName(file)}`
  try {
    if ((await stat(path)).size !== file.bytes) return { kind: 'file-changed', where, detail: 'its size is another' }
    const isSame = (await hashFile(path, signal)) === file.sha256
    if (!isSame) return { kind: 'file-changed', where, detail: 'its hash is another' }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return { kind: 'file-missing', where, detail: 'the manifest names it' }
  }
  using session = await database.connect(signal)
  try {
    const facts = await factsOf(session, path)
    if (facts?.rows === file.rows && facts.first === file.first && facts.last === file.last) return undefined
    return { kind: 'rows-differ', where, detail: `${facts?.rows ?? 0} rows; the manifest says ${file.rows}` }
  } catch (error) {
    if (!isFault(error, 'lake-corrupt')) throw error
    return { kind: 'file-unreadable', where, detail: 'not a Parquet file' }
  }
}

async function checkHead(
  database: Database,
  writer: string,
  head: Head,
  files: readonly LakeFile[],
  { folder, tenant, keys, signal }: VerifyRequest,
  problems: LakeProblem[],
): Promise<number> {
  const chain = { tenant, writer }
  const problem = (kind: LakeProblem['kind'], detail: string): void =>
    void problems.push({ kind, where: writer, detail })
  const { seal } = head
  const isSigned = isAuthentic(seal, chain, keys) && seal.sequence === head.last && seal.hash === head.lastHash
  if (!isSigned) problem('seal-invalid', `the signature over record ${head.last} does not count`)
  const own = files.filter((file) => file.writer === writer && file.first <= head.last && file.last >= head.first)
  let [count, next, hash] = [0, head.first, head.previousHash]
  if (own.length > 0) {
    using session = await database.connect(signal)
    const paths = own.map((file) => quoteText(filePath(folder, tenant, file))).join(', ')
    const rows = session.stream(
      `SELECT sequence, recorded_ms, event FROM read_parquet([${paths}], hive_partitioning = false)
       WHERE sequence BETWEEN $first AND $last ORDER BY sequence`,
      { first: head.first, last: head.last },
    )
    const prefix = hashPrefix({ tenant, writer })
    for await (const chunk of rows) {
      for (const row of chunk) {
        const sequence = Number(row['sequence'])
        count++
        if (sequence === next)
          hash = hashRecord(prefix, sequence, hash, Number(row['recorded_ms']), String(row['event']))
        next = sequence === next ? next + 1 : next
      }
    }
  }
  const expected = head.last - head.first + 1 - head.removedRows
  if (count !== expected) {
    problem('sequence-gap', `records ${head.first} to ${head.last}: ${count} are there, ${expected} should be`)
  } else if (head.removedRows === 0 && hash !== head.lastHash) {
    problem('chain-differs', `records ${head.first} to ${head.last} do not give the hash that the writer signed`)
  }
  return count
}
