// What a drill needs from the program: the API as whoever starts it, the agent's own protocol for each actor, and a
// connector beside the canaries. Must never lend an actor the rights of whoever starts the drill.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Exchanges } from '#agent/exchanges.ts'
import { openFlow } from '#agent/open-flow.ts'
import { Profile as DeviceProfile } from '#agent/profile.ts'
import { enrolConnector } from '#connector/enrol.ts'
import { startConnector } from '#connector/connector.ts'
import type { AgentClient } from '#drill/actor.ts'
import type { ConductorDeps } from '#drill/conductor.ts'
import type { Finding } from '#drill/play-record.ts'
import { createKeyAndCsr } from '#transport/certificate-request.ts'
import type { ApiClient } from './api-client.ts'
import { formatEndpoint, parseServer } from './endpoints.ts'
import type { PartLog } from './log.ts'
import { SOFTWARE } from './version.ts'

const FINDINGS_SHOWN = 200

export function conductorDeps(api: ApiClient, log: PartLog, say: (text: string) => void): ConductorDeps {
  return {
    start: async (scenario, ports) => {
      const { drill, connectorToken, actors, apps } = await api.call('startDrill', { body: { scenario, ports } })
      return { drillId: drill.id, connectorToken, actors, apps }
    },
    openActor: async (drillId, actor) => {
      const { privateKeyPem, csrPem } = await createKeyAndCsr({ commonName: 'device' })
      const name = `laptop-${Math.floor(Math.random() * 9000 + 1000)}`
      const body = { actor, csrPem, name, os: 'linux x64' }
      const reply = await api.call('openDrillDevice', { params: { id: drillId }, body })
      return actorClient(new DeviceProfile({ ...reply, csrPem }, privateKeyPem))
    },
    startConnector: async (token) => {
      const folder = mkdtempSync(join(tmpdir(), 'sallyport-canary-'))
      const { server, caPem, dial } = api.profile
      const dialled =
        dial === undefined ? undefined : formatEndpoint({ host: dial, port: parseServer(server, undefined).port })
      try {
        await enrolConnector({
          token,
          stateFolder: folder,
          api: parseServer(server, dialled),
          software: SOFTWARE,
          ...(caPem !== undefined && { caPem }),
        })
        const running = await startConnector({ stateFolder: folder, software: SOFTWARE }, { log })
        return {
          close: async () => {
            await running.close()
            rmSync(folder, { recursive: true, force: true })
          },
        }
      } catch (error) {
        rmSync(folder, { recursive: true, force: true })
        throw error
      }
    },
    keep: async (drillId, progress) => {
      await api.call('keepDrill', { params: { id: drillId }, body: progress === undefined ? {} : { progress } })
    },
    liveFlowsOf: async (userId) => {
      const { items } = await api.call('listFlows', { query: { limit: 2000 } })
      return items.filter((flow) => flow.userId === userId).length
    },
    contain: async (userId, reason, seconds) => {
      const { effect } = await api.call('contain', {
        body: { subject: { kind: 'user', name: userId }, reason, expiresInSeconds: seconds },
      })
      return effect
    },
    findings: async (sinceMs, userIds) => {
      const { items } = await api.call('listEvents', {
        query: { class: FINDING, from: new Date(sinceMs).toISOString(), limit: FINDINGS_SHOWN },
      })
      return items.flatMap(({ event }) => findingOf(event, userIds))
    },
    answers: async (drillId) => (await api.call('getDrill', { params: { id: drillId } })).answers,
    finish: async (drillId, report) => {
      const { restored } = await api.call('finishDrill', { params: { id: drillId }, body: report })
      return { restored }
    },
    stop: async (drillId) => {
      await api.call('stopDrill', { params: { id: drillId } })
    },
    say,
    random: Math.random,
    nowMs: Date.now,
  }
}

const FINDING = 2004

function findingOf(event: Readonly<Record<string, unknown>>, userIds: readonly string[]): readonly Finding[] {
  const {
    actor,
    time,
    finding_info: info,
    message,
  } = event as {
    actor?: { user?: { uid?: unknown } }
    time?: unknown
    finding_info?: { title?: unknown; types?: readonly unknown[] }
    message?: unknown
  }
  const subject = actor?.user?.uid
  if (typeof subject !== 'string' || !userIds.includes(subject) || typeof time !== 'number') return []
  const kind = info?.types?.[0]
  return [
    {
      atMs: time,
      subject,
      kind: typeof kind === 'string' ? kind : 'finding',
      sentence: typeof message === 'string' ? message : String(info?.title ?? ''),
    },
  ]
}

function actorClient(profile: DeviceProfile): AgentClient {
  const exchanges = new Exchanges(profile, { nowMs: Date.now })
  return {
    csrPem: profile.signedIn.csrPem,
    open: async (host, port, signal) => {
      const opened = await openFlow(host, port, { exchanges, profile: () => profile, signal })
      return opened.kind === 'open'
        ? { kind: 'open', socket: opened.socket }
        : { kind: 'refused', reason: opened.denial.reason }
    },
    ask: async (method, path, body, signal) => (await exchanges.ask(method, path, body, signal)).status,
    close: () => exchanges.close(),
  }
}
