// A real agent on the device of a test's world, with its local proxy. Must never be imported by product code.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startAgent } from '#agent/agent.ts'
import { Profile } from '#agent/profile.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import type { WebWorld } from './testing.ts'

export async function agentFor(world: WebWorld) {
  const folder = join(world.folder, 'agent')
  mkdirSync(folder, { mode: 0o700 })
  const { csrPem } = await createKeyAndCsr({ commonName: 'device' })
  const { acme, control, device, agentSession, exchange } = world
  const signedIn = {
    tenant: 'acme',
    tenantId: acme.id,
    user: 'alice',
    deviceId: device.record.id,
    sessionId: agentSession.id,
    sessionExpiresAt: new Date(agentSession.expiresAtMs).toISOString(),
    certificatePem: device.credentials.cert,
    identityCaPem: [acme.identityCa.certificatePem],
    doorsCaPem: control.exchangeCa.certificatePem,
    domain: 'sallyport.test',
    exchanges: [`127.0.0.1:${exchange.port}`],
    inspectionCaPem: [acme.inspectionRoot.certificatePem],
    csrPem,
  }
  await new Profile(signedIn, device.credentials.key).save(folder)
  const agent = await startAgent({ stateFolder: folder, socksPort: null, httpPort: 0, drainMs: 0 }, { log: () => {} })
  await agent.ready()
  const http = agent.status().doors.find(({ kind }) => kind === 'http')?.address ?? ''
  return { agent, http, [Symbol.asyncDispose]: () => agent.close() }
}
