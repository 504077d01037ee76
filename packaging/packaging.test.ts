// What a release is made of: units that are hardened, licences that are known, a bill of materials that is complete,
// checksums that hold.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { cycloneDx, isAllowed, licenceTroubles, readPackages } from './sbom.ts'
import { checksums, isSigned, signChecksums } from './sign.ts'

const root = resolve(import.meta.dirname, '..')
const units = join(import.meta.dirname, 'systemd')
const scores = { control: 1.3, connector: 1.3, exchange: 1.6 }

test('each system unit is as hardened as the documents say', { skip: !existsSync('/usr/bin/systemd-analyze') }, () => {
  for (const [part, most] of Object.entries(scores)) {
    const args = ['security', '--offline=true', join(units, `sallyport-${part}.service`)]
    const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    const score = Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1])
    assert.ok(score <= most, `${part}: ${score}`)
  }
})

test('no unit takes a secret as an argument, and each runs as nobody in particular', () => {
  for (const part of Object.keys(scores)) {
    const text = readFileSync(join(units, `sallyport-${part}.service`), 'utf8')
    assert.match(text, /^DynamicUser=yes$/m)
    assert.match(text, /^NoNewPrivileges=yes$/m)
    assert.match(text, /^ProtectSystem=strict$/m)
    assert.doesNotMatch(text, /--token/)
  }
})

test('every package that we ship has a licence that lets us', () => {
  assert.deepEqual(licenceTroubles(readPackages(root)), [])
  assert.deepEqual(['MIT OR GPL-3.0', '(MIT AND GPL-3.0-only)', 'GPL-3.0', 'SEE LICENSE IN x'].map(isAllowed), [
    true,
    false,
    false,
    false,
  ])
})

test('the bill of materials names every package of production, with its hash, and is the same each time', () => {
  const packages = readPackages(root)
  const text = cycloneDx(packages, { version: '1' })
  assert.equal(text, cycloneDx(readPackages(root), { version: '1' }))
  const bill = JSON.parse(text) as { components: { name: string; hashes?: unknown[] }[] }
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
  const named = new Set(bill.components.map(({ name }) => name))
  assert.deepEqual(
    Object.keys(manifest.dependencies).filter((name) => !named.has(name)),
    [],
  )
  assert.ok(bill.components.every(({ hashes }) => hashes?.length === 1))
})

test('checksums are those of sha256sum, and their signature is one that openssl takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-sign-'))
  try {
    writeFileSync(join(folder, 'b'), 'two')
    writeFileSync(join(folder, 'a'), 'one')
    const sums = checksums([join(folder, 'b'), join(folder, 'a')])
    writeFileSync(join(folder, 'SHA256SUMS'), sums)
    execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: folder, stdio: 'pipe' })
    const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const { signature, publicKeyPem } = signChecksums(sums, pem)
    assert.equal(isSigned(sums, signature, publicKeyPem), true)
    assert.equal(isSigned(`${sums} `, signature, publicKeyPem), false)
    writeFileSync(join(folder, 'key.pem'), publicKeyPem)
    writeFileSync(join(folder, 'raw'), Buffer.from(signature, 'base64'))
    const said = execFileSync(
      'openssl',
      ['pkeyutl', '-verify', '-pubin', '-inkey', 'key.pem', '-rawin', '-in', 'SHA256SUMS', '-sigfile', 'raw'],
      { cwd: folder, encoding: 'utf8' },
    )
    assert.match(said, /Verified Successfully/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the containers of the compose file can write nowhere but their own volume, and gain nothing', () => {
  const text = readFileSync(join(import.meta.dirname, 'container/compose.yaml'), 'utf8')
  type Service = { read_only?: boolean; cap_drop?: string[]; security_opt?: string[]; command: string[] }
  const { services } = parse(text, { merge: true }) as { services: Record<string, Service> }
  assert.deepEqual(Object.keys(services), ['control', 'exchange'])
  for (const { read_only, cap_drop, security_opt, command } of Object.values(services)) {
    assert.deepEqual([read_only, cap_drop, security_opt], [true, ['ALL'], ['no-new-privileges:true']])
    assert.equal(
      command.some((word) => word.includes('--token')),
      false,
    )
  }
  const dockerfile = readFileSync(join(import.meta.dirname, 'container/Dockerfile'), 'utf8')
  assert.match(dockerfile, /^USER sallyport$/m)
  assert.doesNotMatch(dockerfile, /latest|curl .*\| *sh|ADD http/)
})
