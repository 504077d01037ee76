// The inspectors beside the built-in ones, as a worker loads them from files: YARA rules, hash feeds, the customer's patterns,
// fingerprints of rows and documents. What is asked for and cannot be loaded fails loudly.
import type { PartInspector } from './file/walk.ts'
import { loadYara } from './malware/yara.ts'
import { loadHashFeed } from './malware/hash-feed.ts'
import { customPatterns, type CustomPattern } from './custom/patterns.ts'
import { loadRowMatch } from './custom/row-match.ts'
import { loadDocumentMatch } from './custom/document-match.ts'

export type OthersConfig = {
  /** YARA sources; `true` for the starter rules. */
  readonly yara?: true | readonly string[]
  /** Files with one SHA-256 per line. */
  readonly hashFeeds?: readonly string[]
  readonly patterns?: readonly CustomPattern[]
  readonly rows?: readonly string[]
  readonly documents?: readonly string[]
}

export async function loadOthers(config: OthersConfig): Promise<readonly PartInspector[]> {
  const out: PartInspector[] = []
  if (config.yara !== undefined) {
    const yara = await loadYara(config.yara === true ? undefined : config.yara)
    if (yara !== null) out.push(yara)
  }
  for (const file of config.hashFeeds ?? []) out.push(await loadHashFeed(file))
  if (config.patterns !== undefined && config.patterns.length > 0) out.push(customPatterns(config.patterns))
  for (const file of config.rows ?? []) out.push(await loadRowMatch(file))
  for (const file of config.documents ?? []) out.push(await loadDocumentMatch(file))
  return out
}
