// A change of text, line by line: what goes, what comes, and three lines around.
import { useMemo, type ReactNode } from 'react'
import { diffLines } from '#core/line-diff.ts'
import { plain } from '#console/api/plain-text.ts'
import { text } from '#console/messages/text.ts'

const around = 3

export function TextDiff({
  before,
  after,
  label,
}: {
  readonly before: string
  readonly after: string
  readonly label: string
}): ReactNode {
  const lines = useMemo(() => diffLines(before, after), [before, after])
  const changed = useMemo(() => lines?.flatMap(({ kind }, at) => (kind === 'same' ? [] : [at])) ?? [], [lines])
  if (lines === null) return <p className="small second">{text.state.unknown}</p>
  if (changed.length === 0) return <p className="small second">{text.editor.noDiff}</p>
  const count = (wanted: string) => lines.filter(({ kind }) => kind === wanted).length
  const isNear = (at: number) => changed.some((place) => Math.abs(place - at) <= around)
  return (
    <div className="stack">
      <p className="small second">
        {text.editor.added(count('add'))}, {text.editor.removed(count('remove'))}.
      </p>
      <div className="diff" role="region" aria-label={label} tabIndex={0}>
        {lines.map((line, at) =>
          isNear(at) ? (
            <span key={at} className={line.kind === 'same' ? undefined : `diff-${line.kind}`}>
              {plain(line.text)}
            </span>
          ) : (
            isNear(at - 1) && (
              <span key={at} className="diff-gap">
                …
              </span>
            )
          ),
        )}
      </div>
    </div>
  )
}
