// `sallyport doctor`: this machine and its way to an exchange, to control or to an app, hop by hop; says which hop fails
// and what to do. Must never change anything.
import { readFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { type Command, type Input, UsageFault } from '#cli/command.ts'
import { parseEndpoint, parseServer } from '#cli/endpoints.ts'
import { safe, write, writeJson } from '#cli/output.ts'
import type { Examined } from '#cli/doctor/examine-profile.ts'
import { isWell } from '#operations/doctor/hop.ts'

export const doctor: Command = {
  usage: 'doctor [HOST:PORT]',
  summary: 'look at this machine and its way to the exchange, or to an app, hop by hop: which fails, and what to do',
  options: {
    state: { type: 'string', help: 'state folder of the agent (default: that of this person)' },
    connector: { type: 'string', help: 'data folder of a connector: look at its way to its exchanges' },
    control: { type: 'string', help: 'address of the API, https://api.<domain>[:port]: look at the way there' },
    address: { type: 'string', help: 'with --control: host:port to dial, where the name does not resolve' },
    ca: { type: 'string', help: 'with --control: PEM file of the authority to trust' },
    json: { type: 'boolean', help: 'write JSON for machines' },
  },
  positionals: [0, 1],
  async run(input) {
    const examined = await examine(input)
    const isAllWell = examined.every(({ hops }) => isWell(hops))
    if (input.isJson) writeJson({ isWell: isAllWell, examined })
    else {
      for (const { what, hops } of examined) {
        write(safe(what))
        for (const { hop, status, said, advice, ms } of hops) {
          const mark = { ok: 'ok  ', warning: 'warn', failed: 'FAIL', skipped: '–   ' }[status]
          write(safe(`  ${mark} ${hop.padEnd(11)} ${said}${ms >= 1 ? ` (${Math.round(ms)} ms)` : ''}`))
          if (advice !== null) write(safe(`       → ${advice}`))
        }
      }
      write(isAllWell ? 'Everything that was looked at is well.' : 'The first FAIL of each part is what to mend.')
    }
    return isAllWell ? 0 : 1
  },
}

async function examine(input: Input): Promise<readonly Examined[]> {
  const { diagnosePath } = await import('#operations/doctor/diagnose-path.ts')
  const { diagnoseMachine } = await import('#operations/doctor/diagnose-machine.ts')
  const deps = { nowMs: Date.now, signal: input.signal }
  const control = input.text('control')
  if (control !== undefined) {
    const { serverName, host, port } = parseServer(control, input.text('address'))
    const caFile = input.text('ca')
    const caPem = caFile === undefined ? undefined : [readFileSync(caFile, 'utf8')]
    const config = { target: { host, port }, serverName, caPem, path: '/v1/health' }
    return [{ what: `${serverName} at ${host}:${port}`, hops: await diagnosePath(config, deps) }]
  }
  const folder = input.text('connector')
  if (folder !== undefined) {
    const { loadIdentity } = await import('#connector/identity.ts')
    const identity = await loadIdentity(folder)
    if (identity === undefined) throw new Fault('configuration-invalid', { hint: `${folder} holds no connector.` })
    const { exchanges, tenant, domain, doorsCaPem } = identity.enrolment
    const paths = exchanges.map(async (address): Promise<Examined> => {
      const target = parseEndpoint(address, 'exchange')
      const serverName = `${tenant}.link.${domain}`
      const config = { target, serverName, caPem: [doorsCaPem], credentials: identity.tlsCredentials }
      return { what: `${serverName} at ${address}`, hops: await diagnosePath(config, deps) }
    })
    return [{ what: 'this machine', hops: await diagnoseMachine(folder) }, ...(await Promise.all(paths))]
  }
  return await examineAgent(input)
}

async function examineAgent(input: Input): Promise<readonly Examined[]> {
  const { defaultStateFolder, loadProfiles } = await import('#agent/profile.ts')
  const { examineProfile } = await import('#cli/doctor/examine-profile.ts')
  const { diagnoseMachine } = await import('#operations/doctor/diagnose-machine.ts')
  const folder = input.text('state') ?? defaultStateFolder()
  const profiles = await loadProfiles(folder)
  if (profiles.length === 0)
    throw new UsageFault('Nobody is signed in here; use --control or --connector, or "sallyport agent login"', doctor)
  const word = input.words[0]
  const app = word === undefined ? undefined : parseEndpoint(word, 'HOST:PORT')
  const examined: Examined[] = [{ what: 'this machine', hops: await diagnoseMachine(folder) }]
  for (const profile of profiles)
    examined.push(...(await examineProfile(profile, app, { nowMs: Date.now, signal: input.signal })))
  return examined
}
