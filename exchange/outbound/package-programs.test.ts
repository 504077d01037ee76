// npm and apt from a device, against mirrors that the test makes, with inspection on by the real inspector: what is clean is
// installed and fetched, what is not arrives as a refusal.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAgent } from '#agent/agent.ts'
import { Profile } from '#agent/profile.ts'
import { issueIntermediate } from '#control/authority/intermediate.ts'
import { startInspector } from '#inspection/inspect.ts'
import { agentFor } from './testing-agent.ts'
import { run, startWebWorld, webPolicy, type SiteHandler } from './testing.ts'

const scanned = webPolicy('scanned', { annotations: { inspect: 'malware,dlp' } })
// The test file of the anti-virus industry, in two halves so that this file is not one.
const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('')
const missing = (...programs: readonly string[]) => {
  const gone = programs.filter(
    (program) => !(process.env['PATH'] ?? '').split(':').some((at) => existsSync(join(at, program))),
  )
  return gone.length === 0 ? false : `no ${gone.join(', ')} here`
}

function serves(files: ReadonlyMap<string, Buffer>, seen: string[]): SiteHandler {
  return (request, response) => {
    const path = new URL(request.url ?? '/', 'https://mirror.test').pathname
    seen.push(path)
    const body = files.get(path) ?? Buffer.alloc(0)
    response.statusCode = files.has(path) ? 200 : 404
    response.setHeader(
      'content-type',
      path.endsWith('gz') || path.endsWith('.deb') ? 'application/octet-stream' : 'application/json',
    )
    if ('stream' in response) response.end(body)
    else response.end(body)
  }
}

test(
  'npm installs a package through the agent, and one with a virus in it is refused',
  { skip: missing('npm', 'tar') },
  async () => {
    await using opened = new AsyncDisposableStack()
    const inspector = startInspector()
    opened.defer(() => inspector.close())
    await using world = await startWebWorld(issueIntermediate, { policies: [scanned], inspector })
    const files = new Map<string, Buffer>()
    const seen: string[] = []
    const port = await world.site(['npm.test'], serves(files, seen))
    const origin = `https://npm.test:${port}`
    const publish = (name: string, content: string) => {
      const folder = join(world.folder, `made-${name}`)
      mkdirSync(join(folder, 'package'), { recursive: true })
      const own = { name, version: '1.0.0', main: 'index.js' }
      writeFileSync(join(folder, 'package', 'package.json'), JSON.stringify(own))
      writeFileSync(join(folder, 'package', 'index.js'), content)
      const tarball = join(folder, 'package.tgz')
      execFileSync('tar', ['-czf', tarball, '-C', folder, 'package'])
      const bytes = readFileSync(tarball)
      const path = `/${name}/-/${name}-1.0.0.tgz`
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
      const versions = { '1.0.0': { ...own, dist: { tarball: `${origin}${path}`, integrity } } }
      files.set(path, bytes)
      files.set(`/${name}`, Buffer.from(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions })))
    }
    publish('made-good', 'module.exports = 42\n')
    publish('made-evil', eicar)
    await using device = await agentFor(world, { Profile, startAgent })
    const folder = join(world.folder, 'project')
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{"name":"project","version":"1.0.0"}')
    const install = (name: string) => {
      const proxy = [
        `--proxy=http://${device.http}`,
        `--https-proxy=http://${device.http}`,
        `--cafile=${world.rootPath}`,
      ]
      // Said here, because whoever runs the tests may have told npm to be silent.
      const quiet = [
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--fetch-retries=0',
        '--no-update-notifier',
        '--loglevel=error',
      ]
      const where = [`--prefix=${folder}`, `--cache=${join(world.folder, 'npm-cache')}`, `--registry=${origin}/`]
      return run('npm', ['install', name, ...proxy, ...quiet, ...where], {
        HOME: world.folder,
        npm_config_userconfig: '/dev/null',
      })
    }
    const good = await install('made-good')
    assert.equal(good.code, 0, good.stderr)
    assert.match(readFileSync(join(folder, 'node_modules/made-good/index.js'), 'utf8'), /42/)
    const evil = await install('made-evil')
    assert.notEqual(evil.code, 0)
    assert.match(evil.stderr, /403|E403/)
    assert.ok(seen.includes('/made-evil/-/made-evil-1.0.0.tgz'))
    assert.ok(!existsSync(join(folder, 'node_modules/made-evil')))
  },
)

test(
  'apt updates from a mirror and fetches a package through the agent',
  { skip: missing('apt-get', 'dpkg-deb') },
  async () => {
    await using opened = new AsyncDisposableStack()
    const inspector = startInspector()
    opened.defer(() => inspector.close())
    await using world = await startWebWorld(issueIntermediate, { policies: [scanned], inspector })
    const files = new Map<string, Buffer>()
    const seen: string[] = []
    const port = await world.site(['apt.test'], serves(files, seen))
    const tree = join(world.folder, 'deb')
    mkdirSync(join(tree, 'DEBIAN'), { recursive: true })
    const control =
      'Package: made-here\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@acme.test>\nDescription: made by a test\n'
    writeFileSync(join(tree, 'DEBIAN', 'control'), control)
    mkdirSync(join(tree, 'usr/share/made-here'), { recursive: true })
    writeFileSync(join(tree, 'usr/share/made-here/file'), 'content')
    const deb = join(world.folder, 'made-here_1.0_all.deb')
    execFileSync('dpkg-deb', ['--root-owner-group', '--build', tree, deb], { stdio: 'ignore' })
    const bytes = readFileSync(deb)
    const sum = createHash('sha256').update(bytes).digest('hex')
    files.set('/made-here_1.0_all.deb', bytes)
    files.set(
      '/Packages',
      Buffer.from(`${control}Filename: ./made-here_1.0_all.deb\nSize: ${bytes.length}\nSHA256: ${sum}\n`),
    )
    await using device = await agentFor(world, { Profile, startAgent })
    const root = join(world.folder, 'apt')
    for (const each of [
      'etc/apt/apt.conf.d',
      'etc/apt/preferences.d',
      'etc/apt/trusted.gpg.d',
      'var/lib/apt/lists/partial',
      'var/cache/apt/archives/partial',
      'var/lib/dpkg',
      'got',
    ])
      mkdirSync(join(root, each), { recursive: true })
    writeFileSync(join(root, 'var/lib/dpkg/status'), '')
    writeFileSync(
      join(root, 'etc/apt/sources.list'),
      `deb [trusted=yes allow-insecure=yes] https://apt.test:${port}/ ./\n`,
    )
    const set = Object.entries({
      Dir: root,
      'Dir::State::status': join(root, 'var/lib/dpkg/status'),
      'Acquire::https::Proxy': `http://${device.http}`,
      'Acquire::https::CaInfo': world.rootPath,
      'Acquire::Retries': '0',
      'APT::Sandbox::User': '',
    }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    const configuration = { HOME: root }
    const update = await run('apt-get', [...set, 'update'], configuration)
    assert.equal(update.code, 0, update.stderr + update.stdout)
    const download = () =>
      run(
        'sh',
        ['-c', 'cd "$0" && exec apt-get "$@"', join(root, 'got'), ...set, 'download', 'made-here'],
        configuration,
      )
    // Such a package is packed in a way that is not unpacked here: by default that is a refusal, and never a clean verdict.
    const refused = await download()
    assert.match(refused.stderr, /403/)
    await world.put({ ports: ['1-65535'], verdicts: { unscannable: 'alert' } })
    const fetched = await download()
    assert.equal(fetched.code, 0, fetched.stderr)
    assert.ok(readFileSync(join(root, 'got', 'made-here_1.0_all.deb')).equals(bytes))
    assert.ok(seen.includes('/made-here_1.0_all.deb'))
  },
)
