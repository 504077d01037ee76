// One question to the evaluator, in Cedar's terms. Holds no facts of its own.
import type { CedarRecord, EntityUid } from './value.ts'

export type Request = {
  readonly principal: EntityUid
  readonly action: EntityUid
  readonly resource: EntityUid
  readonly context: CedarRecord
}
