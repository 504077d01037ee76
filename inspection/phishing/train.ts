// `npm run train -- phishing [--data FOLDER] [--quick] [--skip-rotations]`: measures by the protocol, fits the shipped
// model to everything, and writes model.bin beside this file. Must never write a URL anywhere.
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { type ModelParts, encodeModel } from './model-file.ts'
import { type Fitted, fit } from './training/fit.ts'
import { thresholdAt } from './training/measure.ts'
import { runProtocol, tableOfResults, thin } from './training/protocol.ts'
import { hasSources, readSources, type UrlRow } from './training/sources.ts'

const trees = 180
/** Of all owners, how many the rotations use: they fit seven models, and half of the rows say what all of them say. */
const rotationShare = 0.6

export function trainPhishing(args: readonly string[], say: (text: string) => void): number {
  const at = args.indexOf('--data')
  const folder = resolve(at >= 0 ? (args[at + 1] ?? '') : '../shared/data')
  if (!hasSources(folder)) {
    say(`The training sets are not in ${folder}; name their folder with --data.`)
    return 1
  }
  const began = performance.now()
  const corpus = readSources(folder)
  const isQuick = args.includes('--quick')
  const rows = thin(corpus.rows, isQuick ? 0.1 : 1)
  say(`${rows.length} rows; unreadable: ${JSON.stringify(corpus.unreadable)}`)
  const { results, heldOutScores } = runProtocol(thin(rows, isQuick ? 1 : rotationShare), {
    trees: isQuick ? 60 : trees,
    say,
  })
  say(`\n${tableOfResults(results)}\n`)
  const model = fit(rows, { trees: isQuick ? 60 : trees, say })
  const bytes = encodeModel(partsOf(model, heldOutScores, about(rows)))
  if (isQuick) say(`quick: ${bytes.length} bytes, not written`)
  else {
    writeFileSync(new URL('model.bin', import.meta.url), bytes)
    say(`model.bin: ${bytes.length} bytes, ${Math.round((performance.now() - began) / 1000)} s in all`)
  }
  return 0
}

/** Thresholds from ordinary rows of sources or months that the scoring model had not seen: the median of them. */
export function partsOf(model: Fitted, heldOut: readonly Float64Array[], text: string): ModelParts {
  const middle = (share: number) => {
    const sorted = heldOut.map((scores) => thresholdAt(scores, share)).toSorted((left, right) => left - right)
    return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2
  }
  return {
    host: model.host,
    path: model.path,
    hostForest: model.hostForest,
    wholeForest: model.wholeForest,
    cells: model.statistics.cells,
    topLevelRisk: model.statistics.topLevelRisk,
    warnAt: middle(0.01),
    blockAt: middle(0.001),
    about: text,
  }
}

function about(rows: readonly UrlRow[]): string {
  const bad = rows.filter(({ isPhishing }) => isPhishing).length
  return `trained on ${bad} phishing and ${rows.length - bad} ordinary URLs, up to 2025-06`
}
