// Flags of control for the certificates of its public names. Must never take a secret as a flag.
import { Fault } from '#core/fault.ts'
import type { Input } from './command.ts'

export const certificateOptions = {
  'web-certificate': { type: 'string', help: 'PEM file of the certificate for *.<domain>, with --web-key; read again' },
  'web-key': { type: 'string', help: 'PEM file of its key' },
  acme: { type: 'string', help: 'directory of an ACME authority that gives certificates for our names' },
  'acme-agree': { type: 'boolean', help: 'that you agree to the terms of that authority' },
  'acme-email': { type: 'string', help: 'where the authority may write' },
  'acme-dns-hook': { type: 'string', help: 'prove by DNS with this program (default: at the public port)' },
  'acme-ca': { type: 'string', help: 'PEM file of the authority behind the directory, where it is not a public one' },
  'acme-key-id': { type: 'string', help: 'external account; its key in SALLYPORT_ACME_HMAC' },
} as const

/** The part `web` of control's configuration. */
export function webOf(input: Input): { readonly web?: Readonly<Record<string, unknown>> } {
  const [certificateFile, keyFile] = [input.text('web-certificate'), input.text('web-key')]
  const directory = input.text('acme')
  if ((certificateFile === undefined) !== (keyFile === undefined))
    throw new Fault('configuration-invalid', { hint: '--web-certificate and --web-key go together.' })
  if (directory === undefined) {
    return certificateFile === undefined ? {} : { web: { kind: 'files', certificateFile, keyFile } }
  }
  if (certificateFile !== undefined)
    throw new Fault('configuration-invalid', { hint: 'Either --acme or --web-certificate.' })
  if (!input.flag('acme-agree'))
    throw new Fault('configuration-invalid', { hint: `Read the terms of ${directory} and say --acme-agree.` })
  const [hook, email, caFile, keyId] = ['acme-dns-hook', 'acme-email', 'acme-ca', 'acme-key-id'].map((name) =>
    input.text(name),
  )
  return {
    web: {
      kind: 'acme',
      directory,
      agreeToTerms: true,
      challenge: hook === undefined ? 'tls-alpn-01' : 'dns-01',
      ...(hook !== undefined && { hook }),
      ...(email !== undefined && { email }),
      ...(caFile !== undefined && { caFile }),
      ...(keyId !== undefined && { externalAccount: { keyId, hmacFromEnvironment: 'SALLYPORT_ACME_HMAC' } }),
    },
  }
}
