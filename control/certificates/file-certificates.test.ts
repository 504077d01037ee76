// A certificate from files: switched whole, never half, and a bad pair is told while the good one goes on.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Fault } from '#core/fault.ts'
import { createAuthority } from '#transport/certificate-authority.ts'
import { leaf, type Credentials } from '#transport/testing.ts'
import { startFileCertificates } from './file-certificates.ts'

test('a new pair is taken whole; a bad one is told, and the one before goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-files-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const ca = await createAuthority({ commonName: 'web', days: 2, pathLength: 0 })
  const pair = (name: string, change = {}) => leaf(ca, { sanDns: [name], ...change })
  const write = ({ cert, key }: Partial<Credentials>) => {
    if (cert !== undefined) writeFileSync(files.certificateFile, cert)
    if (key !== undefined) writeFileSync(files.keyFile, key)
  }
  const log: string[] = []
  const deps = { nowMs: Date.now, log: (message: string) => log.push(message) }
  write({ cert: 'nonsense', key: 'nonsense' })
  await assert.rejects(
    startFileCertificates(files, deps),
    (fault) => fault instanceof Fault && fault.code === 'configuration-invalid',
  )

  write(await pair('one.test'))
  const running = await startFileCertificates(files, deps)
  t.after(running.close)
  const first = await running.contextFor()
  const second = await pair('two.test')

  write({ cert: second.cert })
  await running.look()
  await running.look()
  assert.equal(await running.contextFor(), first)
  assert.deepEqual(
    running.list().map(({ name, failures }) => [name, failures]),
    [['one.test', 2]],
  )
  assert.match(running.list()[0]?.problem ?? '', /key is not that of the certificate/)
  assert.equal(log.filter((line) => line.includes('cannot be used')).length, 1)

  write({ key: second.key })
  await running.look()
  assert.notEqual(await running.contextFor(), first)
  assert.deepEqual(
    running.list().map(({ name, failures, problem }) => [name, failures, problem]),
    [['two.test', 0, null]],
  )

  const past = { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }
  write(await pair('ended.test', past))
  await running.look()
  assert.match(running.list()[0]?.problem ?? '', /it ended at/)
  assert.equal(running.list()[0]?.name, 'two.test')
})
