// A real agent on the device of a test's world, with its local proxy. Must never be imported by product code.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import type { WebWorld } from './testing.ts'

/** Handed in by tests: code of this part may not know the agent. */
type AgentParts = {
  readonly Profile: new (
    enrolment: ReturnType<typeof enrolmentOf>,
    privateKeyPem: string,
  ) => { readonly save: (folder: string) => Promise<void> }
  readonly startAgent: (
    config: {
      readonly stateFolder: string
      readonly socksPort: null
      readonly httpPort: number
      readonly drainMs: number
    },
    deps: { readonly log: () => void },
  ) => Promise<{
    readonly ready: () => Promise<unknown>
    readonly status: () => { readonly doors: readonly { readonly kind: string; readonly address: string }[] }
    readonly close: () => Promise<void>
  }>
}

export async function agentFor(world: WebWorld, { Profile, startAgent }: AgentParts) {
  const folder = join(world.folder, 'agent')
  mkdirSync(folder, { mode: 0o700 })
  const { csrPem } = await createKeyAndCsr({ commonName: 'device' })
  await new Profile(enrolmentOf(world, csrPem), world.device.credentials.key).save(folder)
  const agent = await startAgent({ stateFolder: folder, socksPort: null, httpPort: 0, drainMs: 0 }, { log: () => {} })
  await agent.ready()
  const http = agent.status().doors.find(({ kind }) => kind === 'http')?.address ?? ''
  return { agent, http, [Symbol.asyncDispose]: () => agent.close() }
}

function enrolmentOf({ acme, control, device, agentSession, exchange }: WebWorld, csrPem: string) {
  return {
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
}
