// Where events are sent as they happen, for a SIEM: syslog over TLS, HTTP, or files beside control. Must never name a
// receiver that is not spoken to over TLS, unless it is a file.
import * as z from 'zod'
import { hostName, labelName } from '#core/names.ts'

const ca = z.string().max(65_536).optional().describe('authority to trust when its certificate is not public')

const target = z.discriminatedUnion('kind', [
  z
    .strictObject({
      kind: z.literal('syslog'),
      host: z.union([hostName, z.ipv4(), z.ipv6()]),
      port: z.number().int().min(1).max(65_535).describe('6514 by RFC 5425'),
      serverName: hostName.optional().describe('name in its certificate, where it is not host'),
      caPem: ca,
    })
    .describe('RFC 5424 messages over TLS, framed as RFC 5425 says; the event is the message, as JSON'),
  z
    .strictObject({
      kind: z.literal('http'),
      url: z
        .url({ protocol: /^https$/, error: 'use an https:// address' })
        .max(2000)
        .refine((url) => {
          const { username, password } = new URL(url)
          return username === '' && password === ''
        }, 'no name or password in the address'),
      format: z.enum(['ndjson', 'json']).optional().describe('one event a line (default), or one array'),
      caPem: ca,
    })
    .describe('POST of batches; what answers with 2xx has them'),
  z
    .strictObject({
      kind: z.literal('file'),
      name: labelName.describe('<dataFolder>/streams/<tenant id>/<name>.ndjson beside control'),
      maxBytes: z
        .number()
        .int()
        .min(65_536)
        .max(50 * 1024 ** 2)
        .optional()
        .describe('of one file, then the next is begun; default 50 MiB'),
      keep: z.number().int().min(1).max(10).optional().describe('files kept beside the one written; default 10'),
    })
    .describe('one event a line, for a collector on that machine'),
])

export const eventStreamSpec = z.strictObject({
  description: z.string().max(1000).optional(),
  target,
  bearerToken: z
    .string()
    .regex(/^[\x21-\x7e]{1,4000}$/, 'visible ASCII characters')
    .optional()
    .describe('write-only; Authorization: Bearer of http; kept when left out of an update'),
  classes: z
    .array(z.number().int().min(1).max(999_999))
    .min(1)
    .max(20)
    .optional()
    .describe('OCSF class_uid; default all'),
  minSeverity: z.number().int().min(1).max(5).optional().describe('OCSF severity_id; default 1'),
  enabled: z.boolean().optional().describe('default true; while false nothing is sent, and later it goes on there'),
})
export type EventStreamSpec = z.infer<typeof eventStreamSpec>
export type StreamTarget = EventStreamSpec['target']
