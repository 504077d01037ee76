// Names that people choose, and the labels no one may take because a door or a page of ours answers there.
// Must stay the only list of reserved labels.
import * as z from 'zod'

/** Labels under `<domain>` and `<tenant>.<appsDomain>` that the product itself uses (design: doors). */
export const reservedLabels: ReadonlySet<string> = new Set([
  'flow',
  'proxy',
  'link',
  'web',
  'id',
  'console',
  'api',
  'feed',
  'portal',
  'admin',
  'provider',
  'www',
  'mail',
  'root',
  'status',
  'docs',
  'help',
  'localhost',
  'sallyport',
  'wpad',
  'autoconfig',
])

/** The root of the tree of tenants; reserved, so that no other tenant can have its name. */
export const PROVIDER_TENANT = 'provider'

/** A DNS label in lower case (RFC 1123): 1 to 40 characters, no leading, trailing or doubled hyphen. */
export const labelPattern = /^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,39}$/

export const labelName = z
  .string()
  .regex(labelPattern, 'use 1 to 40 lower-case letters, digits and single hyphens')
  .refine((name) => !reservedLabels.has(name), 'this name is reserved')

/** Names of things that never become host names: also `_`, `.`, `@` and `+`, so that `alice@example.org` fits. */
export const looseName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._@+-]{0,126}$/,
    'use up to 127 lower-case letters, digits and . _ @ + -, beginning with a letter or digit',
  )

/** A host name in lower case without trailing dot, at most 253 characters; never an IP address. */
export const hostName = z
  .string()
  .max(253)
  .regex(
    /^(?=.*[a-z])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'not a host name',
  )

/** `wiki.example.test` or `*.example.test` (the star stands for exactly one label and only at the front). */
export const hostPattern = z
  .string()
  .refine((text) => hostName.safeParse(text.startsWith('*.') ? text.slice(2) : text).success, {
    message: 'use a host name, or *. and a host name',
  })

/** `443` or `8000-8100`. */
export const portRange = z
  .string()
  .refine((text) => parsePortRange(text) !== null, 'use a port (443) or a range (8000-8100)')

export type PortRange = { readonly first: number; readonly last: number }

export function parsePortRange(text: string): PortRange | null {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (!match) return null
  const first = Number(match[1])
  const last = match[2] === undefined ? first : Number(match[2])
  return first >= 1 && last <= 65_535 && first <= last ? { first, last } : null
}
