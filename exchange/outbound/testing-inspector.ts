// An inspector for tests of what the exchange does with verdicts: it knows three words and nothing else. Must never be
// imported by product code.
import type { BodyMeta, Inspection, Inspector, Verdict } from '#core/inspection/verdict.ts'

export const words = {
  malicious: 'SALLYPORT-EVIL-WORD',
  sensitive: 'SALLYPORT-SECRET-WORD',
  unscannable: 'SALLYPORT-SEALED',
}

export type WordInspector = Inspector & {
  readonly seen: BodyMeta[]
  /** Set: verdicts wait for it. */
  hold: Promise<void> | undefined
}

export function wordInspector(): WordInspector {
  const seen: BodyMeta[] = []
  const inspector: WordInspector = {
    seen,
    hold: undefined,
    open(meta) {
      seen.push(meta)
      return inspection()
    },
    redact: () => null,
    close: async () => {},
  }
  return inspector

  function inspection(): Inspection {
    let text = ''
    let bytesSeen = 0
    let found: keyof typeof words | undefined
    return {
      push(chunk) {
        bytesSeen += chunk.length
        text = text.slice(-64) + Buffer.from(chunk).toString('latin1')
        for (const kind of ['malicious', 'sensitive', 'unscannable'] as const)
          if (text.includes(words[kind])) found ??= kind
        return true
      },
      drained: async () => {},
      decided: () => (found === 'malicious' ? verdict() : null),
      async end() {
        await inspector.hold
        return verdict()
      },
      abort() {},
    }

    function verdict(): Verdict {
      const measured = { fileType: 'text', findings: [], unique: {}, bytesSeen }
      if (found === undefined) return { kind: 'clean', ...measured }
      if (found === 'unscannable') return { kind: found, reason: 'encrypted', gaps: [], ...measured }
      return { kind: found, gaps: [], ...measured }
    }
  }
}
