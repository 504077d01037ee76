// Scores URLs with the trained model and says why in one sentence. Loads the model on first use, once. Must never
// resolve or request a URL, never throw on one, and never depend on scheme, `www.`, port or a trailing slash.
import { readFileSync } from 'node:fs'
import type { Brand } from './brands.ts'
import { type Address, readAddress } from './address.ts'
import { type Evidence, fillFeatures } from './features.ts'
import { featureCount, featureNames, hostGramsAt, pathGramsAt, wordsFor } from './feature-table.ts'
import { brandFinder } from './imitation.ts'
import { explainRow, judgeRow } from './judges.ts'
import { decodeModel, type GramWeights, type PhishingModel } from './model-file.ts'
import { hashGrams, newGrams } from './ngrams.ts'

export type UrlVerdict = {
  readonly verdict: 'phishing' | 'suspicious' | 'clean' | 'unreadable'
  /** 0 … 1, higher is worse. 0.5 is the warning threshold, 0.75 the blocking one. */
  readonly score: number
  readonly reason: string
}

export type UrlModel = {
  readonly id: string
  readonly about: string
  score(url: string): UrlVerdict
  scoreAddress(address: Address): UrlVerdict
}

/** The model that is shipped with the product. */
export function loadPhishingModel(): PhishingModel {
  shipped ??= decodeModel(readFileSync(new URL('model.bin', import.meta.url)))
  return shipped
}
let shipped: PhishingModel | undefined

/** A scorer over a model; `own` are the tenant's brands, with the domains that are really theirs. */
export function openUrlModel(model: PhishingModel = loadPhishingModel(), own: readonly Brand[] = []): UrlModel {
  const findBrands = brandFinder(own)
  const row = new Float32Array(featureCount)
  const moved = new Float64Array(featureCount)
  const grams = newGrams()
  const ownDomains = new Set(own.flatMap(({ domains }) => domains))
  const scoreAddress = (address: Address): UrlVerdict => {
    if (ownDomains.has(address.registrable)) return ofOwner
    const evidence = fillFeatures(address, model, findBrands, row)
    hashGrams(address, grams)
    row[hostGramsAt] = gramScore(model.host, grams.host, grams.hostCount)
    row[pathGramsAt] = gramScore(model.path, grams.path, grams.pathCount)
    const sum = judgeRow(model, row)
    const verdict = sum > model.blockAt ? 'phishing' : sum > model.warnAt ? 'suspicious' : 'clean'
    moved.fill(0)
    explainRow(model, row, moved)
    return { verdict, score: scaled(model, sum), reason: sentence(verdict, moved, evidence) }
  }
  return {
    id: model.id,
    about: model.about,
    scoreAddress,
    score(url) {
      const address = readAddress(url)
      if (address.kind === 'unreadable')
        return { verdict: 'unreadable', score: 0, reason: `Not a web address: ${address.why}.` }
      return scoreAddress(address)
    },
  }
}

const ofOwner: UrlVerdict = { verdict: 'clean', score: 0.001, reason: "It is the tenant's own domain." }

/** Log-odds of hashed n-grams at unit length; 0 where there are none. */
export function gramScore(weights: GramWeights, list: Uint32Array, count: number): number {
  if (count === 0) return 0
  let sum = 0
  for (let at = 0; at < count; at++) sum += weights.weights[list[at] ?? 0] ?? 0
  return weights.bias + (sum * weights.scale) / Math.sqrt(count)
}

/**
 * The log-odds on a scale that means the same from model to model: 0.5 at the warning threshold, 0.75 at the
 * blocking one, strictly rising in between and never flat, so that any other threshold can be chosen.
 */
function scaled(model: PhishingModel, sum: number): number {
  const slope = Math.log(3) / Math.max(0.25, model.blockAt - model.warnAt)
  return 1 / (1 + Math.exp(-slope * (sum - model.warnAt)))
}

function sentence(verdict: UrlVerdict['verdict'], moved: Float64Array, evidence: Evidence): string {
  const isClean = verdict === 'clean'
  const groups = new Map<string, number>()
  moved.forEach((share, feature) => {
    const words = quote(wordsFor(feature, isClean), featureNames[feature] ?? '', evidence)
    if (words !== '' && isClean ? share < 0 : share > 0) groups.set(words, (groups.get(words) ?? 0) + Math.abs(share))
  })
  const top = [...groups].filter(([words]) => words !== '').toSorted((left, right) => right[1] - left[1])
  const named = top.slice(0, 3).map(([words]) => words)
  const list = named.length > 1 ? `${named.slice(0, -1).join(', ')} and ${named.at(-1) ?? ''}` : (named[0] ?? '')
  if (isClean) return list === '' ? 'Nothing speaks for phishing.' : `Little speaks for phishing; against it: ${list}.`
  const opening = verdict === 'phishing' ? 'Looks like phishing' : 'May be phishing'
  return list === '' ? `${opening}.` : `${opening}: ${list}.`
}

function quote(words: string, name: string, { imitation, hostWord, lureWord, pathWord }: Evidence): string {
  if (!words.includes('{')) return words
  const value =
    {
      brandInLabel: imitation.inLabel,
      brandInSubdomain: imitation.inSubdomain,
      brandInPath: imitation.inPath,
      nearInLabel: imitation.nearLabel,
      nearInSubdomain: imitation.nearSubdomain,
      signInWordsHost: hostWord,
      lureWordsHost: lureWord,
      signInWordsPath: pathWord,
    }[name] ?? ''
  // Without the thing itself its feature spoke by absence: nothing to quote.
  return value === '' ? '' : words.replace(/\{\w+\}/, value)
}
