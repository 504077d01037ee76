// Detection as control sees it: something that reads the journals of the tenants and tells stories. It is given to
// control from outside, because what reads behaviour must not reach into what decides.

/** One story, as it is told. `subject` is a user's id, or the address that a spray came from. */
export type ToldStory = {
  readonly subject: string
  readonly kind: string
  readonly level: 'note' | 'ask' | 'step-up' | 'restrict' | 'cut' | 'contain'
  readonly score: number
  readonly firstMs: number
  readonly noticedMs: number
  readonly sentence: string
  readonly events: readonly string[]
}

export type DetectionHooks = {
  /** Folder of the journals, to be read only. */
  readonly journalRoot: string
  /** Folder for what was learned; made when missing. */
  readonly stateFolder: string
  readonly tenantIds: () => Promise<readonly string[]>
  /** Names of the tenant's decoys. */
  readonly decoysOf: (tenantId: string) => Promise<readonly string[]>
  /** Calls back when something of a tenant changes, decoys included; returns what ends it. */
  readonly onChange: (listener: (tenantId: string) => void) => () => void
  /** Resolves when the story is kept; until then detection does not go on. */
  readonly tell: (tenantId: string, story: ToldStory) => Promise<void>
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type RunningDetection = { readonly close: () => Promise<void> }
export type StartDetection = (hooks: DetectionHooks) => Promise<RunningDetection>
