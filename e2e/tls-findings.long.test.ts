// testssl (Debian) against the doors on loopback, with our authorities added: what it finds above OK and INFO must be
// listed in tls-findings.json, each with its reason. Bounded: of its checks those of protocols, cipher categories,
// forward secrecy, server preference, certificate and attacks on implementations; not the simulations of old clients, not
// every single cipher, not HTTP headers (which tests of their own look at).
import assert from 'node:assert/strict'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from './accounts.ts'
import { program } from './programs.ts'
import { startWorld } from './world.ts'

type Known = { readonly severity: string; readonly reason: string }
type Finding = { readonly id: string; readonly severity: string; readonly finding: string }

const DOOR_DEADLINE_MS = 420_000
const severities = ['OK', 'INFO', 'DEBUG', 'WARN', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL', 'FATAL']
const checks = ['--protocols', '--std', '--fs', '--server-preference', '--server-defaults']
// The others (FREAK, LOGJAM, DROWN, SWEET32, RC4, BEAST, LUCKY13) each need a cipher that `--std` shows to be absent.
const attacks = [
  '--heartbleed',
  '--ccs-injection',
  '--ticketbleed',
  '--robot',
  '--renegotiation',
  '--crime',
  '--poodle',
]
const quiet = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none']
const patience = ['--connect-timeout', '30', '--openssl-timeout', '30']
/** Found at every door in a scan that worked; without them nothing was looked at. */
const lookedAt = ['SSLv3', 'TLS1', 'TLS1_1', 'TLS1_3', 'heartbleed', 'ROBOT', 'cipherlist_NULL']

test(
  'testssl finds nothing at the doors that is not listed with its reason',
  {
    skip: existsSync('/usr/bin/testssl') ? false : 'testssl is not installed (Debian package testssl.sh)',
    timeout: 590_000,
  },
  async (t) => {
    const listed = JSON.parse(readFileSync(new URL('./tls-findings.json', import.meta.url), 'utf8')) as Record<
      string,
      Record<string, Known>
    >
    await using world = await startWorld('one-process')
    await using agent = await world.agent('alice')
    const { doorsCaPem } = JSON.parse(readFileSync(join(agent.state, 'acme', 'profile.json'), 'utf8')) as {
      doorsCaPem: string
    }
    const folder = temporaryFolder('sallyport-testssl-', undefined)
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const doorsCa = join(folder, 'doors-ca.pem')
    writeFileSync(doorsCa, doorsCaPem)

    const scan = async (name: string, host: string, ca: string): Promise<readonly Finding[]> => {
      const file = join(folder, `${host}.json`)
      const scanned = await program(
        'testssl',
        [
          ...quiet,
          ...patience,
          ...checks,
          ...attacks,
          '--ip',
          '127.0.0.1',
          '--add-ca',
          ca,
          '--jsonfile',
          file,
          `${host}:${world.port}`,
        ],
        {},
        undefined,
        DOOR_DEADLINE_MS,
      )
      assert.ok(existsSync(file), `${name}: ${scanned.out} ${scanned.err}`)
      return JSON.parse(readFileSync(file, 'utf8')) as Finding[]
    }
    const doors = [
      ['browser door', `wiki.acme.${world.appsDomain}`, world.webCaFile],
      ['portal', `acme.${world.domain}`, world.webCaFile],
      ['agent door', `acme.proxy.${world.domain}`, doorsCa],
    ] as const
    // Portal, sign-in, console and API are one server of control. testssl waits more than it works.
    const results = await Promise.all(
      doors.map(async ([name, host, ca]) => [name, await scan(name, host, ca)] as const),
    )
    for (const [name, findings] of results) {
      const ids = new Set(findings.map(({ id }) => id))
      assert.deepEqual(
        lookedAt.filter((id) => !ids.has(id)),
        [],
        `${name}: not looked at`,
      )
      assert.equal(findings.find(({ id }) => id === 'TLS1_3')?.severity, 'OK', `${name} speaks TLS 1.3`)
      const known: Readonly<Record<string, Known>> = { ...listed['every door'], ...listed[name] }
      const surprises = findings.filter(({ id, severity }) => {
        const most = known[id]?.severity ?? 'INFO'
        return severities.indexOf(severity) > severities.indexOf(most) || !severities.includes(severity)
      })
      assert.deepEqual(
        surprises.map(({ id, severity, finding }) => `${severity} ${id}: ${finding}`),
        [],
        name,
      )
      for (const [id, { reason }] of Object.entries(known)) {
        assert.ok(reason.length > 10, `${id} has a reason`)
        if (!findings.some((found) => found.id === id && severities.indexOf(found.severity) > 1))
          t.diagnostic(`${name}: ${id} is listed and was not found`)
      }
    }
  },
)
