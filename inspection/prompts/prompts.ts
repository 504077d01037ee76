// The prompts within a request to a chat service. Only reads: masking is the redaction's work, on the same bytes. Must never
// fail on a body that is not what its address promises.
import type { BodyMeta, PromptFound } from '#core/inspection/verdict.ts'
import { caps } from '#inspection/caps.ts'
import { type PromptMatcher, promptMatchers } from './matchers.ts'

const MAX_TEXTS = 2000

function matcherOf(url: string): PromptMatcher | null {
  if (!URL.canParse(url)) return null
  const { hostname, pathname } = new URL(url)
  return promptMatchers.find(({ host, path }) => (host === null || host.test(hostname)) && path.test(pathname)) ?? null
}

/** The service whose address takes prompts, or null: known before the body is. */
export const promptServiceAt = (meta: Pick<BodyMeta, 'url' | 'method' | 'direction'>): string | null =>
  meta.direction === 'upload' && meta.method === 'POST' ? (matcherOf(meta.url)?.service ?? null) : null

/** Hosts of services that are known by name; what companies run themselves is told by the address of a request. */
export const isPromptHost = (name: string): boolean => promptMatchers.some(({ host }) => host?.test(name) === true)

export function readPrompts(meta: BodyMeta, body: Uint8Array): PromptFound | null {
  const matcher = meta.direction === 'upload' && meta.method === 'POST' ? matcherOf(meta.url) : null
  if (matcher === null || body.length > caps.promptBytes.default) return null
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return null
  }
  const prompts: { role: string; text: string }[] = []
  for (const { at, role, as } of matcher.texts) collect(json, null, at.split('.'), role, as, prompts)
  if (prompts.length === 0) return null
  const model = matcher.model === null ? modelIn(meta.url) : fieldOf(json, matcher.model)
  return { service: matcher.service, model: typeof model === 'string' ? model.slice(0, 200) : null, prompts }
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined
}

const modelIn = (url: string): string | null => /\/models?\/([^/:?]+)/.exec(new URL(url).pathname)?.[1] ?? null

/** `parent` is the nearest object, beside whose field a role may stand. */
function collect(
  value: unknown,
  parent: unknown,
  path: readonly string[],
  role: string | null,
  as: string,
  out: { role: string; text: string }[],
): void {
  const [step, ...rest] = path
  if (step === undefined) {
    if (typeof value !== 'string' || value === '' || out.length >= MAX_TEXTS) return
    const named = role === null ? undefined : fieldOf(parent, role)
    out.push({ role: typeof named === 'string' ? named.slice(0, 40).toLowerCase() : as, text: value })
    return
  }
  if (step === '*') {
    if (Array.isArray(value)) for (const each of value) collect(each, each, rest, role, as, out)
    return
  }
  const field = fieldOf(value, step)
  if (field !== undefined) collect(field, value, rest, role, as, out)
}
