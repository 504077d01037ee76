// Flags of the parts that hold an exchange: how it reaches the internet, and where its category feeds come from. Must
// never take a feed or a setting that it does not understand.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { asFault, Fault } from '#core/fault.ts'
import type { OutboundConfig } from '#exchange/outbound/outbound.ts'
import type { FeedConfig } from '#inspection/categories/feeds.ts'
import type { Input } from './command.ts'
import type { OutboundToolsConfig } from './outbound-tools.ts'

export const outboundOptions = {
  feeds: { type: 'string', help: 'YAML file that lists category feeds (docs/send-a-devices-traffic.md)' },
  resolver: { type: 'string', multiple: true, help: 'address of a DNS server for sites; may be repeated' },
  'extra-ca': { type: 'string', multiple: true, help: 'PEM file of an authority to trust for sites and feeds' },
  'revocation-list': {
    type: 'string',
    multiple: true,
    help: "file or address of an authority's revocation list (CRL); may be repeated",
  },
  'insecure-allow-private': {
    type: 'string',
    multiple: true,
    help: 'network that sites may be in although it is not public; for tests',
  },
} as const

export type OutboundFlags = { readonly exchange: OutboundConfig; readonly tools: OutboundToolsConfig }

const MOST_FEED_FILE_BYTES = 1024 * 1024
const day = 86_400

const feed = z
  .strictObject({
    name: z.string().max(63),
    category: z.string().max(63),
    format: z.enum(['hosts', 'domains', 'csv', 'adblock', 'ut1', 'stix']),
    file: z.string().min(1).max(4096).optional(),
    url: z
      .url({ protocol: /^https$/ })
      .max(2048)
      .optional(),
    everySeconds: z
      .number()
      .int()
      .min(60)
      .max(90 * day)
      .default(day),
    columns: z
      .strictObject({
        host: z.number().int().min(0).max(1000),
        category: z.number().int().min(0).max(1000).optional(),
        separator: z.string().length(1).optional(),
        hasHeader: z.boolean().optional(),
      })
      .optional(),
  })
  .refine(({ file, url }) => (file === undefined) !== (url === undefined), { message: 'say either file or url' })
const feedFile = z.strictObject({ feeds: z.array(feed).max(200) })

/** Throws Fault `configuration-invalid`, with the file and the place in it. */
export async function readOutboundFlags(input: Input): Promise<OutboundFlags> {
  const file = input.text('feeds')
  const extraCaPem = input.list('extra-ca').map(readPem)
  const resolvers = input.list('resolver')
  const revocationLists = input.list('revocation-list')
  const allowed = input.list('insecure-allow-private')
  return {
    exchange: {
      ...(extraCaPem.length > 0 && { extraCaPem }),
      ...(resolvers.length > 0 && { resolvers }),
      ...(revocationLists.length > 0 && { revocationLists }),
      ...(allowed.length > 0 && { insecureAllowPrivateDestinations: allowed }),
    },
    tools: { extraCaPem, feeds: file === undefined ? [] : await readFeeds(file) },
  }
}

async function readFeeds(file: string): Promise<readonly FeedConfig[]> {
  const { parse } = await import('yaml')
  const read = feedFile.safeParse(parseText(file, parse))
  if (!read.success) {
    const [issue] = read.error.issues
    throw invalid(file, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  }
  return read.data.feeds.map(({ name, category, format, file: path, url, everySeconds, columns }): FeedConfig => {
    const source =
      url === undefined
        ? // Beside the list, wherever the program was started.
          { kind: 'file' as const, path: resolve(dirname(file), path ?? '') }
        : { kind: 'url' as const, url }
    const said = Object.entries(columns ?? {}).filter(([, value]) => value !== undefined)
    const given = { ...Object.fromEntries(said), host: columns?.host ?? 0 }
    return { name, category, format, source, intervalMs: everySeconds * 1000, ...(columns && { columns: given }) }
  })
}

function parseText(file: string, parse: (text: string) => unknown): unknown {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.length > MOST_FEED_FILE_BYTES) throw new Fault('request-too-large')
    return parse(text)
  } catch (error) {
    throw invalid(file, asFault(error).code === 'request-too-large' ? 'it is too large' : 'it cannot be read as YAML')
  }
}

function readPem(file: string): string {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Fault('configuration-invalid', { hint: `${file} cannot be read.`, cause })
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw invalid(file, 'it holds no PEM certificate')
  return text
}

function invalid(file: string, why: string): Fault {
  return new Fault('configuration-invalid', { hint: `${file}: ${why}.` })
}
