// What the exchange is given to look at requests to chat services and at pages: the shapes, so that it need not know who
// does it. Holds nothing.
import type { BodyMeta, PromptReader } from '#core/inspection/verdict.ts'

export type PromptTools = {
  /** The service that takes prompts at this address, known before the body is. */
  readonly serviceAt: (meta: Pick<BodyMeta, 'url' | 'method' | 'direction'>) => string | null
  readonly isHost: (host: string) => boolean
  readonly read: PromptReader
}

export type PageVerdict = {
  readonly verdict: 'phishing' | 'suspicious' | 'clean' | 'unreadable'
  /** 0 … 1, higher is worse. */
  readonly score: number
  /** One sentence of ours, with what spoke most. */
  readonly reason: string
  readonly isWhole: boolean
}
export type PageJudge = { push(chunk: Uint8Array): void; end(): PageVerdict }

export type PageNotice = { readonly title: string; readonly text: string; readonly link: string }
export type PageGuard = {
  push(chunk: Uint8Array): Uint8Array
  end(): Uint8Array
  readonly disabledFields: number
}

export type TenantBrands = readonly { readonly name: string; readonly domains: readonly string[] }[]

export type PageTools = {
  readonly open: (
    url: string,
    context: {
      readonly isFirstSeenByTenant?: boolean
      readonly charset?: string
      /** The tenant's own; the same list while its settings are the same. */
      readonly brands?: TenantBrands
    },
  ) => PageJudge
  readonly guard: (
    notice: PageNotice,
    charset: string,
  ) => PageGuard | { readonly kind: 'refused'; readonly why: string }
  readonly guardHeaders: Readonly<Record<string, string>>
}

/** What a device asked, and what it got; a finding once for each burst. */
export type DnsWatcher = {
  observe(seen: {
    readonly client: string
    readonly name: string
    readonly type: string
    readonly outcome: 'answered' | 'failed' | 'error'
    readonly answerBytes: number
  }): {
    readonly kind: 'name-generator' | 'tunnel'
    readonly domain: string
    readonly confidence: number
    readonly reason: string
    readonly examples: readonly string[]
  } | null
}
