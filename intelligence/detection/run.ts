// Detection over a file: lines in, stories out, a summary at the end. Streams; must never hold the file in memory, and
// never pass over a bad line without counting it.
import { Fault } from '#core/fault.ts'
import { type DetectionConfig, startDetecting } from './detection.ts'
import { type Label, type Scores, startEvaluation } from './evaluate.ts'
import { readLines } from './lines.ts'
import { type Refusal, readLine } from './observation.ts'
import { startReorder } from './reorder.ts'
import { isInOrder, linesInOrder } from './sort-file.ts'
import { newState } from './state.ts'
import type { Story } from './story.ts'

export type RunSummary = Scores & {
  readonly events: number
  readonly refused: Readonly<Record<Refusal, number>>
  readonly late: number
  readonly wrongClock: number
  readonly seconds: number
  readonly isLabelled: boolean
  /** The file was not in order of time and was sorted first. */
  readonly isSorted: boolean
}

export type RunOptions = {
  readonly config: DetectionConfig
  readonly labels: readonly Label[] | undefined
  readonly tell: (story: Story) => void
  readonly signal: AbortSignal
}

export async function runDetection(file: string, { config, labels, tell, signal }: RunOptions): Promise<RunSummary> {
  const began = performance.now()
  const evaluation = startEvaluation(labels ?? [], config.warmupMs)
  const detection = startDetecting(config, newState(), (story) => {
    evaluation.story(story)
    tell(story)
  })
  const reorder = startReorder((observation) => {
    evaluation.observe(observation)
    detection.observe(observation)
  })
  const refused: Record<Refusal, number> = { 'not-json': 0, 'no-time': 0, 'too-long': 0, 'not-needed': 0 }
  let events = 0
  const take = (text: string | null, number: number): void => {
    if (text === '') return
    const observation = text === null ? 'too-long' : readLine(text, `line ${number}`)
    if (typeof observation === 'string') {
      refused[observation]++
      return
    }
    events++
    reorder.push(observation)
  }
  let isSorted = false
  try {
    isSorted = file !== '-' && !(await isInOrder(file, signal))
    if (isSorted) {
      for await (const lines of linesInOrder(file, signal)) for (const [number, text] of lines) take(text, number)
    } else {
      let number = 0
      for await (const lines of readLines(file, signal)) for (const text of lines) take(text, ++number)
    }
  } catch (cause) {
    if (signal.aborted) throw new Fault('closing', { cause })
    throw new Fault('not-found', { hint: `The events could not be read from ${file}.`, cause })
  }
  reorder.flush()
  detection.finish()
  return {
    ...evaluation.summary(),
    events,
    refused,
    ...reorder.counts,
    seconds: (performance.now() - began) / 1000,
    isLabelled: labels !== undefined,
    isSorted,
  }
}
