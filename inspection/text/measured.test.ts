// Precision and recall on the sample texts, which are not in this repository: printed, and held above floors.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspectString } from './inspect-text.ts'

const file = fileURLToPath(new URL('../../../shared/data/pii-presidio-generated-large.json.xz', import.meta.url))
const floors: Readonly<Record<string, readonly [precision: number, recall: number]>> = {
  CREDIT_CARD: [0.99, 0.99],
  IBAN_CODE: [0.99, 0.99],
  US_SSN: [0.97, 0.97],
  PHONE_NUMBER: [0.95, 0.97],
  EMAIL_ADDRESS: [0.99, 0.99],
  IP_ADDRESS: [0.95, 0.95],
  DOMAIN_NAME: [0.95, 0.95],
  US_DRIVER_LICENSE: [0.9, 0.95],
}

type Sample = {
  readonly full_text: string
  readonly spans: readonly {
    readonly entity_type: string
    readonly start_position: number
    readonly end_position: number
  }[]
}

test(
  'keeps precision and recall on the sample texts',
  { skip: existsSync(file) ? false : 'the sample texts are not here' },
  (t) => {
    const samples = JSON.parse(
      execFileSync('xz', ['-dc', file], { maxBuffer: 2 ** 28, encoding: 'utf8' }),
    ) as readonly Sample[]
    const counts = new Map<string, { hit: number; wrong: number; missed: number }>()
    const of = (type: string) => {
      const count = counts.get(type) ?? { hit: 0, wrong: 0, missed: 0 }
      counts.set(type, count)
      return count
    }
    let strangers = 0
    for (const { full_text, spans } of samples) {
      const { findings } = inspectString(full_text)
      for (const finding of findings) {
        const isRight = spans.some(
          (span) =>
            span.entity_type === finding.type && finding.start < span.end_position && span.start_position < finding.end,
        )
        if (floors[finding.type] === undefined) {
          if (finding.type !== 'DATE_OF_BIRTH') strangers++
        } else if (isRight) of(finding.type).hit++
        else of(finding.type).wrong++
      }
      for (const span of spans)
        if (
          floors[span.entity_type] !== undefined &&
          !findings.some(
            (f) => f.type === span.entity_type && f.start < span.end_position && span.start_position < f.end,
          )
        )
          of(span.entity_type).missed++
    }
    for (const [type, [precision, recall]] of Object.entries(floors)) {
      const { hit, wrong, missed } = of(type)
      t.diagnostic(
        `${type}: precision ${(hit / (hit + wrong)).toFixed(3)}, recall ${(hit / (hit + missed)).toFixed(3)} (${hit + missed} values)`,
      )
      assert.ok(hit / (hit + wrong) >= precision && hit / (hit + missed) >= recall, type)
    }
    assert.ok(strangers <= samples.length / 100, `${strangers} findings of other types`)
  },
)
