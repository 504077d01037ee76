// A profile: one tenant to which a person is signed in on this device, with the device's key. Must never be written
// anywhere but its state folder, nor shown in a log: it holds the private key.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { enrolmentRoutes } from '#core/api/enrolment-routes.ts'
import { Fault } from '#core/fault.ts'
import { labelPattern } from '#core/names.ts'
import { identityOf, readPeer } from '#transport/peer-certificate.ts'
import { caps } from './caps.ts'
import { openFolder, readWhole, writeWhole } from '#transport/state-folder.ts'

const FILE = 'profile.json'

export type SignedIn = {
  readonly tenant: string
  readonly tenantId: string
  readonly user: string
  readonly deviceId: string
  readonly sessionId: string
  readonly sessionExpiresAt: string | number
  readonly certificatePem: string
  readonly identityCaPem: readonly string[]
  readonly doorsCaPem: string
  readonly domain: string
  readonly exchanges: readonly string[]
  readonly inspectionCaPem: readonly string[]
  /** Sent again to renew and to sign in anew: it proves the same key. */
  readonly csrPem: string
}

export class Profile {
  readonly #privateKeyPem: string
  readonly signedIn: SignedIn

  constructor(signedIn: SignedIn, privateKeyPem: string) {
    this.signedIn = signedIn
    this.#privateKeyPem = privateKeyPem
  }

  get name(): string {
    return this.signedIn.tenant
  }

  get deviceKey(): { readonly privateKeyPem: string; readonly csrPem: string } {
    return { privateKeyPem: this.#privateKeyPem, csrPem: this.signedIn.csrPem }
  }

  get tlsCredentials(): { readonly key: string; readonly cert: string } {
    return { key: this.#privateKeyPem, cert: this.signedIn.certificatePem }
  }

  get validityMs(): { readonly notBeforeMs: number; readonly notAfterMs: number } {
    const { validFromDate, validToDate } = new X509Certificate(this.signedIn.certificatePem)
    return { notBeforeMs: validFromDate.getTime(), notAfterMs: validToDate.getTime() }
  }

  /** Throws `certificate-refused` unless the certificate carries our key and exactly our name. */
  check(): void {
    const certificate = new X509Certificate(this.signedIn.certificatePem)
    const name = identityOf(readPeer(certificate))
    const { tenantId, deviceId } = this.signedIn
    const isOurs = name?.role === 'device' && name.owner === tenantId && name.id === deviceId
    if (!isOurs || !certificate.checkPrivateKey(createPrivateKey(this.#privateKeyPem))) {
      throw new Fault('certificate-refused')
    }
  }

  withCertificate(certificatePem: string): Profile {
    const renewed = new Profile({ ...this.signedIn, certificatePem }, this.#privateKeyPem)
    renewed.check()
    return renewed
  }

  withExchanges(exchanges: readonly string[]): Profile {
    return new Profile({ ...this.signedIn, exchanges }, this.#privateKeyPem)
  }

  async save(stateFolder: string): Promise<void> {
    const folder = folderOf(stateFolder, this.name)
    await openFolder(stateFolder)
    await openFolder(folder)
    await writeWhole(folder, FILE, JSON.stringify({ ...this.signedIn, privateKeyPem: this.#privateKeyPem }))
  }
}

/** `$XDG_STATE_HOME/sallyport/agent`, by default below `~/.local/state`. */
export function defaultStateFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const base = env['XDG_STATE_HOME']
  // The XDG base directory specification: a relative path is to be ignored.
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.local', 'state'), 'sallyport', 'agent')
}

export async function loadProfiles(stateFolder: string): Promise<readonly Profile[]> {
  let names: string[]
  try {
    names = await readdir(stateFolder)
  } catch {
    return []
  }
  const found: Profile[] = []
  for (const name of names.filter((text) => labelPattern.test(text)).slice(0, caps.profiles.default)) {
    const profile = await loadProfile(stateFolder, name)
    if (profile !== undefined) found.push(profile)
  }
  return found
}

/** Throws `configuration-invalid` for a profile that cannot be read. */
export async function loadProfile(stateFolder: string, tenant: string): Promise<Profile | undefined> {
  const text = await readWhole(folderOf(stateFolder, tenant), FILE, caps.identityBytes.default)
  if (text === undefined) return undefined
  try {
    const { privateKeyPem, csrPem, ...rest } = JSON.parse(text) as Record<string, unknown>
    const reply = enrolmentRoutes.deviceSignIn.reply.parse(rest)
    if (typeof privateKeyPem !== 'string' || typeof csrPem !== 'string' || reply.tenant !== tenant) {
      throw new Error('not a profile')
    }
    const profile = new Profile({ ...reply, csrPem }, privateKeyPem)
    profile.check()
    return profile
  } catch (cause) {
    throw new Fault('configuration-invalid', { hint: `The profile of ${tenant} is damaged; sign in again.`, cause })
  }
}

export async function removeProfile(stateFolder: string, tenant: string): Promise<void> {
  await rm(folderOf(stateFolder, tenant), { recursive: true, force: true })
}

function folderOf(stateFolder: string, tenant: string): string {
  if (!labelPattern.test(tenant)) throw new Fault('configuration-invalid', { hint: 'Not the name of a tenant.' })
  return join(stateFolder, tenant)
}
