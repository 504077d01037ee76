// What inspection says about bytes, and the form in which it takes them: shared by inspection/, which answers, and the
// exchange, which asks and acts. Must never carry a matched value: a finding is a place, not the text found there.

/** Why nothing can be said about (a part of) the content. Policy decides what becomes of it. */
export const unscannableReasons = {
  encrypted: 'it is encrypted or needs a password',
  malformed: 'it does not follow its own format',
  contradictory: 'two parts of it say different things about the same content',
  bomb: 'it grows beyond every proportion when unpacked',
  'too-deep': 'archives are nested too deeply',
  'unknown-encoding': 'it is encoded in a way that is not supported',
  'unknown-archive': 'it is an archive of a kind that is not unpacked here',
  endless: 'it goes up without an end that could be waited for',
  'inspector-failed': 'an inspector ended while it worked on it',
  'inspector-timeout': 'an inspector did not finish in time',
  'inspector-unavailable': 'an inspector that policy asks for cannot be reached',
} as const
export type UnscannableReason = keyof typeof unscannableReasons

/** Why only a part was looked at. */
export const partialReasons = {
  bytes: 'it is longer than is looked at',
  entries: 'it has more entries than are looked at',
  time: 'the time for it was used up',
  stream: 'it comes bit by bit without an end that could be held back',
  findings: 'it has more findings than are kept',
  'inspector-limit': 'an inspector refuses content of this size',
} as const
export type PartialReason = keyof typeof partialReasons

export type InspectorName =
  | 'dlp'
  | 'malware'
  | 'static'
  | 'clamav'
  | 'yara'
  | 'feed'
  | 'edm'
  | 'idm'
  | 'label'
  | 'custom'

export type Finding = {
  /** What was found; the closed set of the built-in ones is docs/detectors.md. */
  readonly type: string
  /** Unicode code points from the beginning of the text, end exclusive; 0 and 0 when it concerns the whole. */
  readonly start: number
  readonly end: number
  /** 0 … 1: how likely it is what `type` says. */
  readonly confidence: number
  readonly inspector: InspectorName
  /** Name of the part within a container, outermost first, joined by `!`; offsets then count in that part's text. */
  readonly part?: string
  /** A name for people, such as a signature's or a rule's. Never a matched value. */
  readonly label?: string
}

export type Measured = {
  /** By content, never by name or header: `zip`, `pdf`, `text` …; `unknown` when no signature fits. */
  readonly fileType: string
  readonly findings: readonly Finding[]
  /** Different values per type, as far as the cap; thresholds such as "more than ten cards" use these. */
  readonly unique: Readonly<Record<string, number>>
  readonly bytesSeen: number
}

/**
 * Worst first: malicious, sensitive, unscannable, partial, clean. `gaps` keeps what a worse verdict hides: a sensitive
 * archive may have an encrypted entry too.
 */
export type Verdict = Measured &
  (
    | { readonly kind: 'clean' }
    | { readonly kind: 'malicious'; readonly gaps: readonly Gap[] }
    | { readonly kind: 'sensitive'; readonly gaps: readonly Gap[] }
    | { readonly kind: 'unscannable'; readonly reason: UnscannableReason; readonly gaps: readonly Gap[] }
    | { readonly kind: 'partial'; readonly reason: PartialReason; readonly gaps: readonly Gap[] }
  )

/** A part that was not looked at. */
export type Gap =
  | { readonly kind: 'unscannable'; readonly reason: UnscannableReason; readonly part?: string }
  | { readonly kind: 'partial'; readonly reason: PartialReason; readonly part?: string }

/** What is known about a body before its first byte. All of it is the sender's claim. */
export type BodyMeta = {
  readonly direction: 'upload' | 'download'
  readonly method: string
  /** `https://host/path`, without user information. */
  readonly url: string
  readonly contentType: string | null
  /** Value of `content-encoding`, null for none. */
  readonly contentEncoding: string | null
  readonly contentLength: number | null
  /** From content-disposition or the path; only ever used to show a lie, never to choose a parser. */
  readonly fileName: string | null
  /** Which inspections policy asks for, as in `@inspect("dlp,malware")`. */
  readonly wanted: readonly ('dlp' | 'malware')[]
}

/** One body on its way. All methods are safe after `abort` and after the verdict: they do nothing. */
export type Inspection = {
  /**
   * Takes the next bytes; the chunk may be reused by the caller afterwards. False: wait for `drained()` before the
   * next one. Never throws: what goes wrong is a verdict.
   */
  push(chunk: Uint8Array): boolean
  /** Resolves when more may be pushed, also after abort. */
  drained(): Promise<void>
  /** A verdict that further bytes cannot improve (malicious), or null. For cutting early. */
  decided(): Verdict | null
  /** No more bytes. Always resolves, within the deadline of the configuration. */
  end(): Promise<Verdict>
  /** The body is gone; frees everything. */
  abort(): void
}

/** One body whose sensitive values are masked while it passes. Byte lengths never change. */
export type Redaction = {
  /** Takes bytes, returns those that may be sent on (possibly none yet). */
  push(chunk: Uint8Array): Uint8Array
  /** The rest, and what was found and masked. Rejects only with a Fault: then nothing more may be sent. */
  end(): Promise<{ readonly rest: Uint8Array; readonly verdict: Verdict; readonly masked: number }>
  abort(): void
}

export type Inspector = {
  open(meta: BodyMeta): Inspection
  /** Null when bodies of this kind cannot be masked in flight (compressed, archive, office file …): block instead. */
  redact(meta: BodyMeta): Redaction | null
  close(): Promise<void>
}

/** The prompts within a request to a chat service, found by the declarative matchers of inspection/prompts/. */
export type PromptFound = {
  /** `openai-chat`, `anthropic-messages` … */
  readonly service: string
  readonly model: string | null
  /** The texts a person or program sent, oldest first. */
  readonly prompts: readonly { readonly role: string; readonly text: string }[]
}
export type PromptReader = (meta: BodyMeta, body: Uint8Array) => PromptFound | null
