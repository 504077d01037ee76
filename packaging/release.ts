// `npm run release`: executables and Debian packages of agent and connector for this platform, bill of materials,
// checksums, signature. Signs with the key in the file that SALLYPORT_RELEASE_KEY names; without it nothing is signed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Fault } from '#core/fault.ts'
import { VERSION } from '#cli/version.ts'
import { buildDebian } from './build-debian.ts'
import { buildExecutable } from './build-executable.ts'
import { cycloneDx, licenceTroubles, readPackages } from './sbom.ts'
import { checksums, signChecksums } from './sign.ts'

const AUDIT_MS = 60_000

const root = resolve(import.meta.dirname, '..')
const folder = resolve(process.argv[2] ?? 'dist/release')
const say = (text: string) => void process.stderr.write(`${text}\n`)

const packages = readPackages(root)
const troubles = licenceTroubles(packages)
if (troubles.length > 0)
  throw new Fault('configuration-invalid', { hint: `Licences to look at: ${troubles.join('; ')}` })
say(`licences: ${packages.length} packages, all allowed`)
say(audit())

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
const epoch = commitTime()
const files: string[] = []
for (const part of ['agent', 'connector'] as const) {
  const { file, bundle } = await buildExecutable(part, folder)
  files.push(file)
  say(`built ${file}`)
  if (spawnSync('dpkg-deb', ['--version']).status === 0) {
    const debian = buildDebian({ part, executable: file, folder, version: VERSION, architecture, epoch })
    files.push(debian)
    say(`built ${debian}`)
  } else say('no dpkg-deb here: no Debian package')
  rmSync(bundle)
  rmSync(join(folder, `${part}-sea.json`))
}
const bill = join(folder, 'sbom.cdx.json')
writeFileSync(bill, cycloneDx(packages, { version: VERSION }))
files.push(bill)
const sums = checksums(files)
writeFileSync(join(folder, 'SHA256SUMS'), sums)
const keyFile = process.env['SALLYPORT_RELEASE_KEY']
if (keyFile === undefined) say('not signed: SALLYPORT_RELEASE_KEY names no key file')
else {
  const { signature, publicKeyPem } = signChecksums(sums, readFileSync(keyFile, 'utf8'))
  writeFileSync(join(folder, 'SHA256SUMS.sig'), signature)
  writeFileSync(join(folder, 'release-key.pem'), publicKeyPem)
  say('signed')
}
say(folder)

/** Of the last commit, so that two builds of one commit are dated alike. */
function commitTime(): number {
  const seconds = Number(spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }).stdout)
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : 1_700_000_000
}

/** Known holes, where the registry answers; a release does not hang on it. */
function audit(): string {
  const { status, stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: root,
    encoding: 'utf8',
    timeout: AUDIT_MS,
  })
  try {
    const { metadata } = JSON.parse(stdout) as { metadata?: { vulnerabilities?: Record<string, number> } }
    if (metadata?.vulnerabilities === undefined) return 'npm audit: the registry did not answer; nothing is known'
    const { high = 0, critical = 0, total = 0 } = metadata.vulnerabilities
    return `npm audit: ${total} known holes, ${high} high, ${critical} critical${status === 0 ? '' : ' — look at them'}`
  } catch {
    return 'npm audit: the registry did not answer; nothing is known'
  }
}
