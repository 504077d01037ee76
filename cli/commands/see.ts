// Commands to see what happens: flows, sessions, devices, connectors, events.
import { apiOptions, type Command, parseDuration } from '#cli/command.ts'
import { age, safe, table, write, writeJson } from '#cli/output.ts'
import { effectLine } from './effect.ts'

export const flows: Command = {
  usage: 'flows',
  summary: 'live flows at every exchange',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const reply = await input.api().call('listFlows', { query: { limit: 2000 } })
    if (input.isJson) writeJson(reply)
    else {
      write(
        table(
          ['FLOW', 'USER', 'APP', 'WAY', 'FROM', 'AGE', 'IN', 'OUT', 'ALLOWED BY'],
          reply.items.map((flow) => [
            flow.flowId,
            flow.userName,
            flow.appName,
            flow.way,
            flow.clientIp,
            age(flow.openedAtMs),
            flow.bytesIn,
            flow.bytesOut,
            flow.policies.join(', '),
          ]),
        ),
      )
      if (reply.missing.length > 0) write(`Exchanges that did not answer: ${reply.missing.join(', ')}`)
    }
    return 0
  },
}

export const sessionList: Command = {
  usage: 'session list',
  summary: 'live sessions',
  options: { search: { type: 'string', help: 'user name contains' }, ...apiOptions },
  positionals: [0, 0],
  async run(input) {
    const search = input.text('search')
    const { items } = await input.api().call('listSessions', { query: { limit: 1000, ...(search && { search }) } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['SESSION', 'USER', 'DOOR', 'FACTORS', 'FROM', 'AGE', 'UNTIL'],
          items.map((item) => [
            item.id,
            item.user,
            item.door,
            item.factors.join('+'),
            item.ip,
            age(item.createdAt),
            item.expiresAt,
          ]),
        ),
      )
    return 0
  },
}

export const sessionEnd: Command = {
  usage: 'session end ID',
  summary: 'end a session and everything that lives by it',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const effect = await input.api().call('endSession', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(effect)
    else write(effectLine(effect))
    return effect.missing.length === 0 ? 0 : 1
  },
}

export const deviceList: Command = {
  usage: 'device list',
  summary: 'devices and their posture',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listDevices', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['DEVICE', 'NAME', 'USER', 'POSTURE', 'OS', 'STATUS', 'CERTIFICATE UNTIL'],
          items.map((item) => [
            item.id,
            item.name,
            item.user,
            item.posture,
            item.os,
            item.status,
            item.certificateUntil,
          ]),
        ),
      )
    return 0
  },
}

export const deviceRevoke: Command = {
  usage: 'device revoke ID',
  summary: 'revoke a device for good',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const effect = await input.api().call('revokeDevice', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(effect)
    else write(effectLine(effect))
    return effect.missing.length === 0 ? 0 : 1
  },
}

export const events: Command = {
  usage: 'events',
  summary: 'search the journal, newest first; --follow shows events as they happen',
  options: {
    follow: { type: 'boolean', help: 'stay and show new events' },
    since: { type: 'string', help: 'no older than 90s, 15m, 12h, 30d' },
    user: { type: 'string', help: 'of this user' },
    app: { type: 'string', help: 'about this app' },
    class: { type: 'string', help: 'OCSF class_uid, e.g. 3003' },
    outcome: { type: 'string', help: 'success or failure' },
    search: { type: 'string', help: 'text anywhere in the event' },
    limit: { type: 'string', help: 'how many (default 50)' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const api = input.api()
    if (input.flag('follow')) {
      for await (const { event } of api.stream('followEvents', { query: {}, signal: input.signal }))
        write(input.isJson ? JSON.stringify(event) : eventLine(event))
      return 0
    }
    const since = input.text('since')
    const { items } = await api.call('listEvents', {
      query: {
        limit: Number(input.text('limit') ?? 50),
        ...(since && { from: new Date(Date.now() - parseDuration(since) * 1000).toISOString() }),
        ...(input.text('user') && { user: input.text('user') }),
        ...(input.text('app') && { app: input.text('app') }),
        ...(input.text('class') && { class: Number(input.text('class')) }),
        ...(input.text('search') && { search: input.text('search') }),
        ...(input.text('outcome') && { outcome: input.text('outcome') as 'success' | 'failure' }),
      },
    })
    for (const { event } of items) write(input.isJson ? JSON.stringify(event) : eventLine(event))
    return 0
  },
}

function eventLine(event: Readonly<Record<string, unknown>>): string {
  const at = (path: string): string => {
    let value: unknown = event
    for (const key of path.split('.')) value = (value as Readonly<Record<string, unknown>> | undefined)?.[key]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  const parts = [
    new Date(Number(event['time'])).toISOString(),
    event['status_id'] === 1 ? 'ok  ' : 'FAIL',
    `${at('class_uid')}/${at('activity_name')}`,
    at('actor.user.name'),
    at('app_name'),
    at('http_request.http_method'),
    at('http_request.url.path'),
    at('status_code'),
    at('api.operation'),
    at('message'),
  ]
  return safe(parts.filter((part) => part !== '').join('  '))
}
