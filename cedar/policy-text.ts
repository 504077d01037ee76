// Splits policy text into its policies, with places, and refuses what could kill the official engine, before that
// engine sees it. Knows only strings, comments, brackets and `;`: the grammar is the official parser's business.
import {
  maxArithmetic,
  maxBracketNesting,
  maxChain,
  maxIfs,
  maxJunctions,
  maxPolicyCount,
  maxPolicyTextBytes,
} from './caps.ts'

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

const nothingSeen = { start: -1, line: 0, isTemplate: false, ifs: 0, chain: 0, arithmetic: 0, junctions: 0 }

export function splitPolicies(text: string): Split {
  const refused = (message: string, offset: number): Split => ({ kind: 'refused', problem: { message, offset } })
  if (Buffer.byteLength(text) > maxPolicyTextBytes)
    return refused(`the text is larger than ${maxPolicyTextBytes} bytes`, 0)
  if (!text.isWellFormed()) return refused('the text is not well-formed Unicode', 0)
  const policies: PolicyText[] = []
  const open: number[] = []
  let seen = nothingSeen
  let line = 1
  token.lastIndex = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [piece] = match
    const first = piece[0] ?? ''
    if (/\s/.test(first)) line += newlinesIn(piece)
    if (piece.startsWith('//') || /\s/.test(first)) continue
    if (seen.start === -1) seen = { ...seen, start: match.index, line }
    if (first === '"') line += newlinesIn(piece)
    if (piece === '"') return refused('a text in quotes is not closed', match.index)
    if (piece === ';' && open.length === 0) {
      policies.push({
        text: text.slice(seen.start, match.index + 1),
        start: seen.start,
        line: seen.line,
        isTemplate: seen.isTemplate,
      })
      if (policies.length > maxPolicyCount)
        return refused(`there are more than ${maxPolicyCount} policies`, match.index)
      seen = nothingSeen
      continue
    }
    if ('([{'.includes(first)) open.push(match.index)
    if (')]}'.includes(first)) open.pop()
    if (open.length > maxBracketNesting)
      return refused(`brackets are nested deeper than ${maxBracketNesting}`, match.index)
    if (piece === '?principal' || piece === '?resource') seen.isTemplate = true
    if (piece === 'if' && ++seen.ifs > maxIfs) return refused(`more than ${maxIfs} "if" in one policy`, match.index)
    if ('+-*'.includes(first) && ++seen.arithmetic > maxArithmetic) {
      return refused(`more than ${maxArithmetic} of + - * in one policy`, match.index)
    }
    if ('&|'.includes(first) && ++seen.junctions > maxJunctions * 2) {
      return refused(`more than ${maxJunctions} of && and || in one policy`, match.index)
    }
    if (first === '.' || first === '[') seen.chain++
    else if (',;&|<>=!'.includes(first)) seen.chain = 0
    if (seen.chain > maxChain) return refused(`a chain of more than ${maxChain} attributes`, match.index)
  }
  const unclosed = open.at(-1)
  if (unclosed !== undefined) return refused('a bracket is not closed', unclosed)
  if (seen.start !== -1) return refused('a policy does not end with ";"', seen.start)
  return { kind: 'split', policies }
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
