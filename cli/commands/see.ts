// Commands to see what happens: flows, sessions, devices, connectors, events, explain.
import { apiOptions, type Command, parseDuration, UsageFault } from '#cli/command.ts'
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

export const explain: Command = {
  usage: 'policy explain --as USER --app APP',
  summary: 'what policy would decide for a person and an app, and why',
  options: {
    as: { type: 'string', help: 'user name' },
    app: { type: 'string', help: 'app name' },
    posture: { type: 'string', help: 'posture of the device: 0 unknown, 1 registered, 2 managed' },
    factor: { type: 'string', multiple: true, help: 'factor of the session, e.g. otp; may be repeated' },
    method: { type: 'string', help: 'HTTP method' },
    path: { type: 'string', help: 'HTTP path' },
    ip: { type: 'string', help: 'address that the person comes from' },
    ...apiOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const posture = input.text('posture')
    const [user, app] = [input.text('as'), input.text('app')]
    if (user === undefined || app === undefined) throw new UsageFault('--as and --app are needed', explain)
    const reply = await input.api().call('explain', {
      body: {
        user,
        app,
        ...(posture !== undefined && { posture: Number(posture) as 0 | 1 | 2 }),
        ...(input.list('factor').length > 0 && { factors: [...input.list('factor')] }),
        ...(input.text('method') && { method: input.text('method') }),
        ...(input.text('path') && { path: input.text('path') }),
        ...(input.text('ip') && { ip: input.text('ip') }),
      },
    })
    if (input.isJson) writeJson(reply)
    else {
      write(safe(`${reply.decision.toUpperCase()}: ${reply.message}`))
      for (const policy of reply.policies)
        write(safe(`  by policy ${policy.name}${policy.line === null ? '' : `, line ${policy.line}`}`))
      for (const { policy, conditions } of reply.missing)
        for (const condition of conditions) write(safe(`  policy ${policy}: ${condition}`))
      for (const { policy, message } of reply.errors) write(safe(`  policy ${policy} failed: ${message}`))
      if (reply.advice) write(safe(reply.advice))
    }
    return reply.decision === 'allow' ? 0 : 1
  },
}
