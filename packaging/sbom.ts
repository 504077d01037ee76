// The software bill of materials (CycloneDX 1.6) and the licences, from the lock file and what is installed. Must never
// ask a registry, nor leave a package out because nothing is known about it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type Locked = {
  readonly version?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly license?: string
  readonly link?: boolean
}

export type Package = {
  readonly name: string
  readonly version: string
  /** SPDX expression; null: the package does not say. */
  readonly licence: string | null
  readonly integrity: string | null
  readonly isDevelopment: boolean
}

/** Licences whose terms let us ship the package with ours; anything else stops a release until somebody has read it. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'CC-BY-4.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

/** Packages whose manifest says nothing, and what their licence file says; read by a person, for exactly this version. */
const readByHand: Readonly<Record<string, string>> = { 'png-js@2.0.0': 'MIT' }

export function readPackages(root: string): readonly Package[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Locked>>
  }
  return Object.entries(lock.packages)
    .filter(([path, { link }]) => path !== '' && link !== true)
    .map(([path, locked]) => ({
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: locked.version ?? '',
      licence:
        locked.license ??
        licenceIn(join(root, path)) ??
        readByHand[`${path.slice(path.lastIndexOf('node_modules/') + 13)}@${locked.version ?? ''}`] ??
        null,
      integrity: locked.integrity ?? null,
      isDevelopment: locked.dev === true,
    }))
    .toSorted((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1))
}

/** Packages that may not be shipped as things stand, with the reason. */
export function licenceTroubles(packages: readonly Package[]): readonly string[] {
  return packages
    .filter(({ isDevelopment }) => !isDevelopment)
    .filter(({ licence }) => licence === null || !isAllowed(licence))
    .map((each) => `${keyOf(each)}: ${each.licence ?? 'says no licence'}`)
}

/** An SPDX expression: of alternatives one must do, of conjunctions all. */
export function isAllowed(expression: string): boolean {
  const plain = expression.replace(/^\((.*)\)$/, '$1')
  if (/\bOR\b/.test(plain)) return plain.split(/\s+OR\s+/).some((part) => isAllowed(part))
  if (/\bAND\b/.test(plain)) return plain.split(/\s+AND\s+/).every((part) => isAllowed(part))
  return allowed.has(plain.trim())
}

/** Without time and serial number: the same lock file gives the same bytes. */
export function cycloneDx(packages: readonly Package[], { version }: { readonly version: string }): string {
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', name: 'sallyport', version, purl: `pkg:npm/sallyport@${version}` } },
    components: packages
      .filter(({ isDevelopment }) => !isDevelopment)
      .map(({ name, version: at, licence, integrity }) => ({
        type: 'library',
        name,
        version: at,
        purl: `pkg:npm/${name.replace(/^@/, '%40')}@${at}`,
        'bom-ref': `pkg:npm/${name.replace(/^@/, '%40')}@${at}`,
        ...(licence !== null && { licenses: [{ expression: licence }] }),
        ...(integrity !== null && { hashes: [hashOf(integrity)] }),
      }))
      .filter((component, at, all) => all.findIndex((other) => other['bom-ref'] === component['bom-ref']) === at),
  }
  return `${JSON.stringify(bom, null, 1)}\n`
}

function hashOf(integrity: string) {
  const [algorithm = '', digest = ''] = integrity.split('-')
  const alg = { sha512: 'SHA-512', sha384: 'SHA-384', sha256: 'SHA-256', sha1: 'SHA-1' }[algorithm] ?? 'SHA-512'
  return { alg, content: Buffer.from(digest, 'base64').toString('hex') }
}

function licenceIn(folder: string): string | null {
  try {
    const { license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { license?: unknown }
    if (typeof license === 'string') return license
    return typeof license === 'object' && license !== null && 'type' in license ? String(license.type) : null
  } catch {
    return null
  }
}

function keyOf({ name, version }: Package): string {
  return `${name}@${version}`
}
