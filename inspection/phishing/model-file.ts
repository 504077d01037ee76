// The file of the phishing model: one header, typed arrays, one hash over all. Read in full before anything is used:
// a file that is cut, altered, of another version or made for other features is refused. Must never run what it reads.
//
//   bytes 0–7   "SALLYPHM"          8–11 version, little endian      12–15 bytes of the header
//   header      JSON (UTF-8)        then the arrays in the header's order, each at a multiple of 8
//   last 32     SHA-256 of everything before
import { createHash } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { phishingCaps } from './caps.ts'
import { featureCount, featureNames } from './feature-table.ts'
import { type Forest, LEAF } from './forest.ts'
import { NameModel, nameCells } from './name-model.ts'
import { buckets } from './ngrams.ts'

export type GramWeights = { readonly weights: Int8Array; readonly scale: number; readonly bias: number }

export type PhishingModel = {
  readonly names: NameModel
  readonly topLevelRisk: ReadonlyMap<string, number>
  readonly host: GramWeights
  readonly path: GramWeights
  /** Judges by the host alone; never looks at the path. */
  readonly hostForest: Forest
  /** Judges the address as a whole. */
  readonly wholeForest: Forest
  /** Log-odds where one ordinary address in a hundred, and in a thousand, lies above. */
  readonly warnAt: number
  readonly blockAt: number
  /** First 16 hex digits of the file's hash: names the model in a finding. */
  readonly id: string
  /** What it was trained on and when its rows end, for people. */
  readonly about: string
}

/** The parts as training makes them. */
export type ModelParts = Omit<PhishingModel, 'names' | 'id'> & { readonly cells: Uint8Array }

const magic = 'SALLYPHM'
const version = 2
const hashBytes = 32

type Header = {
  readonly features: readonly string[]
  readonly arrays: readonly (readonly [name: string, bytes: number])[]
  readonly topLevelRisk: readonly (readonly [string, number])[]
  readonly numbers: Readonly<
    Record<
      'hostScale' | 'hostBias' | 'pathScale' | 'pathBias' | 'hostForestBias' | 'wholeForestBias' | 'warnAt' | 'blockAt',
      number
    >
  >
  readonly about: string
}

const aligned = (bytes: number) => (bytes + 7) & ~7

const forestArrays = (name: string, forest: Forest) =>
  [
    [`${name}.roots`, forest.roots],
    [`${name}.features`, forest.features],
    [`${name}.thresholds`, forest.thresholds],
    [`${name}.children`, forest.children],
    [`${name}.means`, forest.means],
  ] as const

export function encodeModel(parts: ModelParts): Uint8Array {
  const arrays: readonly (readonly [string, ArrayBufferView])[] = [
    ['names', parts.cells],
    ['host', parts.host.weights],
    ['path', parts.path.weights],
    ...forestArrays('hostForest', parts.hostForest),
    ...forestArrays('wholeForest', parts.wholeForest),
  ]
  const header: Header = {
    features: featureNames,
    arrays: arrays.map(([name, array]) => [name, array.byteLength]),
    topLevelRisk: [...parts.topLevelRisk],
    numbers: {
      hostScale: parts.host.scale,
      hostBias: parts.host.bias,
      pathScale: parts.path.scale,
      pathBias: parts.path.bias,
      hostForestBias: parts.hostForest.bias,
      wholeForestBias: parts.wholeForest.bias,
      warnAt: parts.warnAt,
      blockAt: parts.blockAt,
    },
    about: parts.about,
  }
  const head = new TextEncoder().encode(JSON.stringify(header))
  let at = aligned(16 + head.length)
  const total = arrays.reduce((sum, [, array]) => sum + aligned(array.byteLength), at)
  const bytes = new Uint8Array(total + hashBytes)
  bytes.set(new TextEncoder().encode(magic))
  const view = new DataView(bytes.buffer)
  view.setUint32(8, version, true)
  view.setUint32(12, head.length, true)
  bytes.set(head, 16)
  for (const [, array] of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at)
    at += aligned(array.byteLength)
  }
  bytes.set(createHash('sha256').update(bytes.subarray(0, total)).digest(), total)
  return bytes
}

const refuse = (why: string): Fault =>
  new Fault('configuration-invalid', { hint: 'The phishing model cannot be used.', detail: { why } })

export function decodeModel(file: Uint8Array): PhishingModel {
  if (file.length > phishingCaps.maxModelBytes) throw refuse('too large')
  if (file.length < 16 + hashBytes || new TextDecoder().decode(file.subarray(0, 8)) !== magic) throw refuse('no model')
  // Copied, so that every array starts at a multiple of eight.
  const bytes = new Uint8Array(file)
  const total = bytes.length - hashBytes
  const view = new DataView(bytes.buffer)
  if (view.getUint32(8, true) !== version) throw refuse('another version')
  const digest = createHash('sha256').update(bytes.subarray(0, total)).digest()
  if (!digest.equals(bytes.subarray(total))) throw refuse('hash differs')
  const headBytes = view.getUint32(12, true)
  if (16 + headBytes > total) throw refuse('header is cut')
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + headBytes))) as Header
  if (header.features.join() !== featureNames.join()) throw refuse('made for other features')

  const first = aligned(16 + headBytes)
  const take = (name: string): { readonly from: number; readonly length: number } => {
    const index = header.arrays.findIndex(([each]) => each === name)
    const length = header.arrays[index]?.[1] ?? -1
    let from = first
    for (const [, each] of header.arrays.slice(0, Math.max(0, index))) from += aligned(each)
    if (index < 0 || length < 0 || from + length > total) throw refuse(`array ${name} is cut`)
    return { from, length }
  }
  const signed = (name: string) => {
    const { from, length } = take(name)
    if (length !== buckets) throw refuse(`array ${name} has another size`)
    return new Int8Array(bytes.buffer, from, length)
  }
  const floats = (name: string) => new Float32Array(bytes.buffer, take(name).from, take(name).length / 4)
  const whole = (name: string) => new Uint32Array(bytes.buffer, take(name).from, take(name).length / 4)
  const cells = take('names')
  if (cells.length !== nameCells) throw refuse('letter statistics have another size')
  const forest = (name: string, bias: number): Forest => {
    const tested = take(`${name}.features`)
    return {
      roots: whole(`${name}.roots`),
      features: new Uint8Array(bytes.buffer, tested.from, tested.length),
      thresholds: floats(`${name}.thresholds`),
      children: whole(`${name}.children`),
      means: floats(`${name}.means`),
      bias,
    }
  }
  const { numbers } = header
  for (const value of Object.values(numbers)) if (!Number.isFinite(value)) throw refuse('a number is missing')
  const model: PhishingModel = {
    names: new NameModel(new Uint8Array(bytes.buffer, cells.from, cells.length)),
    topLevelRisk: new Map(header.topLevelRisk),
    host: { weights: signed('host'), scale: numbers.hostScale, bias: numbers.hostBias },
    path: { weights: signed('path'), scale: numbers.pathScale, bias: numbers.pathBias },
    hostForest: forest('hostForest', numbers.hostForestBias),
    wholeForest: forest('wholeForest', numbers.wholeForestBias),
    warnAt: numbers.warnAt,
    blockAt: numbers.blockAt,
    id: digest.toString('hex').slice(0, 16),
    about: header.about,
  }
  refuseLoops(model.hostForest)
  refuseLoops(model.wholeForest)
  return model
}

/** Children lie behind their parent and within the arrays: so every walk ends, whatever the file says. */
function refuseLoops(forest: Forest): void {
  const count = forest.features.length
  if (forest.thresholds.length !== count || forest.children.length !== count || forest.means.length !== count)
    throw refuse('arrays of the forest differ in length')
  forest.features.forEach((feature, node) => {
    const child = forest.children[node] ?? 0
    if (feature !== LEAF && (feature >= featureCount || child <= node || child + 1 >= count))
      throw refuse('broken tree')
  })
  for (const root of forest.roots.subarray(0, -1)) if (root >= count) throw refuse('broken tree')
}
