// The event journal of this exchange: written here, kept until control has it. Must never be written by two exchanges.
import { startJournal, type Journal } from '#journal/journal.ts'
import type { OwnKeys } from '#exchange/certificates/own-keys.ts'
import type { Log } from '#exchange/context.ts'

export type SpoolConfig = {
  readonly root: string
  /** The exchange's id. */
  readonly writer: string
  /** Most bytes kept while control is away; undefined: the journal's own default. */
  readonly maxBytes: number | undefined
}

export type SpoolDeps = { readonly key: OwnKeys['journal']; readonly now: () => number; readonly log: Log }

export function openSpool({ root, writer, maxBytes }: SpoolConfig, { key, now, log }: SpoolDeps): Promise<Journal> {
  return startJournal(
    { root, writer, ...(maxBytes !== undefined && { caps: { maxTotalBytes: maxBytes } }) },
    {
      signer: key.signer,
      keys: [key.key],
      report: ({ kind, tenant, writer: chain, detail }) => log('journal', { kind, tenant, writer: chain, ...detail }),
      nowMs: now,
    },
  )
}
