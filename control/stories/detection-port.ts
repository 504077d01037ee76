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

/** What one subject's risk is made of now; an organisation is named as events name it. */
export type ToldRisk = {
  readonly subject: { readonly kind: 'user' | 'device' | 'organisation'; readonly id: string }
  readonly parts: readonly {
    readonly points: number
    readonly sentence: string
    readonly timeMs: number
    readonly eventId: string
  }[]
}

/** What people have said of stories: how often each kind was an attack and how often not, and what is expected. */
export type Taught = {
  readonly verdicts: readonly { readonly kind: string; readonly wasTrue: number; readonly wasOdd: number }[]
  readonly exceptions: readonly {
    readonly id: string
    readonly subject: string
    readonly kind: string
    readonly reason: string
    readonly untilMs: number
  }[]
  /** False stories per 10,000 users and day that each level may cost. */
  /** null: the installation's. */
  readonly budgets: Readonly<Record<'ask' | 'step-up' | 'restrict' | 'cut' | 'contain', number>> | null
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
  readonly tellRisks: (tenantId: string, risks: readonly ToldRisk[]) => Promise<void>
  /** What people taught, read when a tenant's watching begins and whenever `relearn` says that it has changed. */
  readonly taughtOf: (tenantId: string) => Promise<Taught>
  readonly log: (message: string, fields?: Readonly<Record<string, unknown>>) => void
}

export type RunningDetection = {
  /** Something was said about a story, or a budget was set. */
  readonly relearn: (tenantId: string) => Promise<void>
  readonly close: () => Promise<void>
}
export type StartDetection = (hooks: DetectionHooks) => Promise<RunningDetection>
