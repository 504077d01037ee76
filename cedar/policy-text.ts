// Splits policy text into its policies, with places, and refuses what could kill the official engine, before that
// engine sees it. Knows only strings, comments, brackets and `;`: the grammar is the official parser's business.
import { maxBracketNesting, maxChain, maxIfs, maxJunctions, maxPolicyCount, maxPolicyTextBytes } from './caps.ts'

export type PolicyText = {
  readonly text: string
  /** UTF-16 offset in the document. */
  readonly start: number
  /** From 1, in the document. */
  readonly line: number
  readonly isTemplate: boolean
}

export type TextProblem = { readonly message: string; readonly offset: number }

export type Split =
  | { readonly kind: 'split'; readonly policies: readonly PolicyText[] }
  | { readonly kind: 'refused'; readonly problem: TextProblem }

/** One token after another; sticky, and without any repetition that could backtrack. */
const token = /\/\/[^\n]*|"(?:[^"\\]|\\[^])*"|"|[A-Za-z_][A-Za-z0-9_]*|\?[a-z]+|\s+|[0-9]+|[^]/gy

/** What was met so far of one policy. */
type Seen = { readonly start: number; readonly line: number; isTemplate: boolean; ifs: number; junctions: number }
/**
 * Inside one pair of brackets: the current chain (`a.b.c`), the longest chain and the sum of the current operand
 * (`a.b + c`), and the deepest operand so far. What a closed pair held counts as part of the chain that goes on after it.
 */
type Level = { readonly at: number; chain: number; longest: number; sum: number; deepest: number }

function newLevel(at: number): Level {
  return { at, chain: 0, longest: 0, sum: 0, deepest: 0 }
}

export function splitPolicies(text: string): Split {
  const refused = (message: string, offset: number): Split => ({ kind: 'refused', problem: { message, offset } })
  if (Buffer.byteLength(text) > maxPolicyTextBytes)
    return refused(`the text is larger than ${maxPolicyTextBytes} bytes`, 0)
  if (!text.isWellFormed()) return refused('the text is not well-formed Unicode', 0)
  const policies: PolicyText[] = []
  let levels: Level[] = [newLevel(0)]
  let seen: Seen | null = null
  let line = 1
  token.lastIndex = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [piece] = match
    const first = piece[0] ?? ''
    if (piece.startsWith('//')) continue
    const startLine = line
    if (first === '"' || /\s/.test(first)) line += newlinesIn(piece)
    if (/\s/.test(first)) continue
    seen ??= { start: match.index, line: startLine, isTemplate: false, ifs: 0, junctions: 0 }
    if (piece === '"') return refused('a text in quotes is not closed', match.index)
    if (piece === ';' && levels.length === 1) {
      const { start, line: at, isTemplate } = seen
      policies.push({ text: text.slice(start, match.index + 1), start, line: at, isTemplate })
      if (policies.length > maxPolicyCount)
        return refused(`there are more than ${maxPolicyCount} policies`, match.index)
      seen = null
      levels = [newLevel(0)]
      continue
    }
    const problem = count(piece, match.index, seen, levels)
    if (problem !== null) return refused(problem, match.index)
  }
  const unclosed = levels.length > 1 ? levels.at(-1) : undefined
  if (unclosed !== undefined) return refused('a bracket is not closed', unclosed.at)
  if (seen !== null) return refused('a policy does not end with ";"', seen.start)
  return { kind: 'split', policies }
}

/** Takes one token into account; why the policy is too much, or null. */
function count(piece: string, at: number, seen: Seen, levels: Level[]): string | null {
  if (piece === '?principal' || piece === '?resource') seen.isTemplate = true
  if (piece === 'if' && ++seen.ifs > maxIfs) return `more than ${maxIfs} "if" in one policy`
  if ('&|'.includes(piece) && ++seen.junctions > maxJunctions * 2) {
    return `more than ${maxJunctions} of && and || in one policy`
  }
  const level = levels.at(-1) ?? newLevel(at)
  if ('.[('.includes(piece)) level.chain++
  if ('+-*'.includes(piece)) level.sum++
  if (',;&|<>=!+-*'.includes(piece)) endChain(level)
  if (',;&|<>='.includes(piece)) endOperand(level)
  if ('([{'.includes(piece)) {
    levels.push(newLevel(at))
    if (levels.length > maxBracketNesting + 1) return `brackets are nested deeper than ${maxBracketNesting}`
  }
  const outer = levels.at(-2)
  if (')]}'.includes(piece) && outer !== undefined) {
    endChain(level)
    endOperand(level)
    outer.chain += level.deepest
    levels.pop()
  }
  const current = levels.at(-1) ?? level
  return current.chain + current.sum > maxChain ? `more than ${maxChain} attributes, calls or sums in one chain` : null
}

function endChain(level: Level): void {
  level.longest = Math.max(level.longest, level.chain)
  level.chain = 0
}

function endOperand(level: Level): void {
  level.deepest = Math.max(level.deepest, level.longest + level.sum)
  level.longest = 0
  level.sum = 0
}

function newlinesIn(piece: string): number {
  let count = 0
  for (let at = piece.indexOf('\n'); at !== -1; at = piece.indexOf('\n', at + 1)) count++
  return count
}

/** Nesting of brackets in a schema or any other text that goes to the official engine. */
export function isNestedDeeper(text: string, limit: number): boolean {
  let depth = 0
  token.lastIndex = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [piece] = match
    if (piece.length !== 1) continue
    if ('([{<'.includes(piece)) depth++
    if (')]}>'.includes(piece)) depth--
    if (depth > limit) return true
  }
  return false
}

export type Place = { readonly line: number; readonly column: number }

/** Line and column from 1, in characters, of a UTF-16 offset. */
export function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line++
  return { line, column: Array.from(before.slice(lineStart)).length + 1 }
}

/** The official engine counts bytes of UTF-8. */
export function offsetOfByte(text: string, byte: number): number {
  return Buffer.from(text).subarray(0, byte).toString().length
}
