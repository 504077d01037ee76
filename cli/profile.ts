// Which control plane the commands speak to, as whom: a small file (0600) or environment variables.
// Must never print the token.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import * as z from 'zod'
import { Fault } from '#core/fault.ts'

const profile = z.strictObject({
  server: z.url().describe('https://api.<domain>[:port]'),
  tenant: z.string().min(1),
  token: z.string().min(1),
  dial: z.string().optional().describe('address to dial in place of the one that the name of the server has'),
  caPem: z.string().optional().describe('authority to trust when the server has no public certificate'),
})
export type Profile = z.infer<typeof profile>

export function profilePath(name: string | undefined): string {
  const chosen = name ?? process.env['SALLYPORT_PROFILE'] ?? 'default'
  if (chosen.includes('/') || chosen.endsWith('.json')) return chosen
  const base = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config')
  return join(base, 'sallyport', 'profiles', `${chosen}.json`)
}

/** The profile from SALLYPORT_SERVER, SALLYPORT_TENANT, SALLYPORT_TOKEN (and SALLYPORT_CA_FILE), else from the file. */
export function readProfile(name: string | undefined, tenant: string | undefined): Profile {
  const { SALLYPORT_SERVER: server, SALLYPORT_TOKEN: token, SALLYPORT_CA_FILE: caFile } = process.env
  if (name === undefined && server && token) {
    const caPem = caFile ? readFileSync(caFile, 'utf8') : undefined
    return parse('the environment', {
      server,
      token,
      tenant: tenant ?? process.env['SALLYPORT_TENANT'],
      ...(caPem && { caPem }),
    })
  }
  const path = profilePath(name)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('configuration-invalid', {
      hint: `No profile at ${path}. Sign in with "sallyport login", or name one with --profile or SALLYPORT_PROFILE.`,
      cause,
    })
  }
  const stored = parse(path, JSON.parse(text))
  return tenant === undefined ? stored : { ...stored, tenant }
}

export function writeProfile(path: string, value: Profile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
}

function parse(source: string, value: unknown): Profile {
  const parsed = profile.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Fault('configuration-invalid', {
    hint: `In ${source}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}.`,
  })
}
