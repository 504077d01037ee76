// `sallyport why-slow`: where the time of one flow went, live or ended, from what exchanges and connectors measured.
import { Fault } from '#core/fault.ts'
import { hops as hopsSchema, type HopTimes } from '#core/wire/hops.ts'
import type { ApiClient } from '#cli/api-client.ts'
import { apiOptions, type Command } from '#cli/command.ts'
import { safe, table, write, writeJson } from '#cli/output.ts'

const NETWORK_CLASS = 4001
const COMPARED = 200

type Found = { readonly app: string; readonly user: string; readonly hops: HopTimes; readonly isLive: boolean }

export const whySlow: Command = {
  usage: 'why-slow FLOW',
  summary: 'where the time of a flow went: each hop beside what it usually takes, and the one to look at',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const { explainSlowness, text } = await import('#operations/why-slow.ts')
    const flowId = input.words[0] ?? ''
    const api = input.api()
    const found = (await liveFlow(api, flowId)) ?? (await endedFlow(api, flowId))
    if (found === undefined)
      throw new Fault('not-found', { hint: `No flow ${flowId}, live or in the journal. "sallyport flows" lists them.` })
    const slowness = explainSlowness(found.hops, await othersOf(api, found.app, flowId))
    if (input.isJson) writeJson({ flowId, ...found, ...slowness })
    else {
      write(safe(`${flowId}: ${found.user} to ${found.app}, ${found.isLive ? 'live' : 'ended'}`))
      const rows = slowness.rows.map(({ hop, ms, usualMs, where, waitsFor }) => [
        hop,
        text(ms),
        usualMs === null ? null : text(usualMs),
        where,
        waitsFor,
      ])
      write(table(['HOP', 'TOOK', 'USUALLY', 'WHERE', 'WAITED FOR'], rows))
      write(`Opened in ${text(slowness.totalMs)}. ${slowness.sentence}`)
    }
    return 0
  },
}

async function liveFlow(api: ApiClient, flowId: string): Promise<Found | undefined> {
  const { items } = await api.call('listFlows', { query: { limit: 2000 } })
  const flow = items.find((each) => each.flowId === flowId)
  return flow && { app: flow.appName, user: flow.userName, hops: flow.hops ?? {}, isLive: true }
}

async function endedFlow(api: ApiClient, flowId: string): Promise<Found | undefined> {
  const { items } = await api.call('listEvents', { query: { search: flowId, class: NETWORK_CLASS, limit: 100 } })
  for (const { event } of items) {
    if (field(event, 'unmapped', 'flow_uid') !== flowId) continue
    return {
      app: String(field(event, 'app_name') ?? ''),
      user: String(field(event, 'actor', 'user', 'name') ?? ''),
      hops: hopsIn(event) ?? {},
      isLive: false,
    }
  }
  return undefined
}

async function othersOf(api: ApiClient, app: string, flowId: string): Promise<readonly HopTimes[]> {
  if (app === '') return []
  const { items } = await api.call('listEvents', { query: { app, class: NETWORK_CLASS, limit: COMPARED } })
  return items.flatMap(({ event }) => (field(event, 'unmapped', 'flow_uid') === flowId ? [] : (hopsIn(event) ?? [])))
}

function hopsIn(event: unknown): HopTimes | undefined {
  const parsed = hopsSchema.safeParse(field(event, 'unmapped', 'hops'))
  return parsed.success && Object.keys(parsed.data).length > 0 ? parsed.data : undefined
}

function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  )
}
