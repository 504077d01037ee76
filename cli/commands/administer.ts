// Commands to run a tenant: invitations, tokens, connectors, roles, requests, containment.
import type { ReplyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'
import { type Command, type Input, apiOptions, parseDuration } from '#cli/command.ts'
import { age, safe, table, write, writeJson } from '#cli/output.ts'
import { effectLine } from './effect.ts'

const expires = { expires: { type: 'string', help: 'how long it is good for: 15m, 12h, 30d' } } as const

function expiry(input: Input, fallback: string): number {
  return parseDuration(input.text('expires') ?? fallback)
}

export const userInvite: Command = {
  usage: 'user invite NAME',
  summary: 'a one-time link with which a user sets up the built-in sign-in',
  options: { ...expires, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const reply = await input
      .api()
      .call('inviteUser', { params: { name: input.words[0] ?? '' }, body: { expiresInSeconds: expiry(input, '3d') } })
    if (input.isJson) writeJson(reply)
    else write(`${reply.url}\nGood once, until ${reply.expiresAt}.`)
    return 0
  },
}

export const connectorToken: Command = {
  usage: 'connector token GROUP',
  summary: 'a one-time token that enrols a connector, and the command to run beside the app',
  options: { ...expires, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const reply = await input.api().call('createEnrolmentToken', {
      body: { connectorGroup: input.words[0] ?? '', expiresInSeconds: expiry(input, '1h') },
    })
    if (input.isJson) writeJson(reply)
    else write(`${reply.command}\nThe token is good once, until ${reply.expiresAt}.`)
    return 0
  },
}

export const connectorList: Command = {
  usage: 'connector list',
  summary: 'connectors and where they are connected',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listConnectors', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else {
      write(
        table(
          ['CONNECTOR', 'NAME', 'GROUP', 'STATUS', 'CONNECTED TO', 'FLOWS', 'UNHEALTHY APPS'],
          items.map((item) => [
            item.id,
            item.name,
            item.group,
            item.status,
            item.connected.map((link) => link.exchangeId).join(', '),
            item.connected.reduce((sum, link) => sum + link.liveFlows, 0),
            item.unhealthyApps.map((sick) => `${sick.app}: ${sick.detail}`).join('; '),
          ]),
        ),
      )
    }
    return 0
  },
}

export const connectorRevoke: Command = {
  usage: 'connector revoke ID',
  summary: 'revoke a connector for good',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const effect = await input.api().call('revokeConnector', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(effect)
    else write(effectLine(effect))
    return effect.missing.length === 0 ? 0 : 1
  },
}

export const tokenCreate: Command = {
  usage: 'token create NAME --role ROLE',
  summary: 'make an API token; never with more than you may do yourself',
  options: { role: { type: 'string', help: 'tenant-admin or auditor' }, ...expires, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const reply = await input.api().call('createApiToken', {
      body: {
        name: input.words[0] ?? '',
        role: (input.text('role') ?? 'auditor') as 'auditor',
        expiresInSeconds: expiry(input, '30d'),
      },
    })
    if (input.isJson) writeJson(reply)
    else write(`${reply.token}\nShown once. Good until ${reply.expiresAt}.`)
    return 0
  },
}

export const tokenList: Command = {
  usage: 'token list',
  summary: 'API tokens, without their secrets',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listApiTokens', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['TOKEN', 'NAME', 'ROLE', 'BY', 'UNTIL', 'LAST USED'],
          items.map((item) => [item.id, item.name, item.role, item.createdBy, item.expiresAt, item.lastUsedAt]),
        ),
      )
    return 0
  },
}

export const tokenDelete: Command = {
  usage: 'token delete ID',
  summary: 'revoke an API token',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    await input.api().call('deleteApiToken', { params: { id: input.words[0] ?? '' } })
    write('Revoked.')
    return 0
  },
}

export const requestList: Command = {
  usage: 'request list',
  summary: 'requests for access',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listAccessRequests', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['REQUEST', 'USER', 'APP', 'STATUS', 'AGE', 'REASON'],
          items.map((item) => [item.id, item.user, item.app, item.status, age(item.createdAt), item.reason]),
        ),
      )
    return 0
  },
}

export const requestApprove: Command = {
  usage: 'request approve ID --for DURATION',
  summary: 'approve a request for access until it expires',
  options: { for: { type: 'string', help: 'how long the access lasts: 8h, 30d' }, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const reply = await input.api().call('decideAccessRequest', {
      params: { id: input.words[0] ?? '' },
      body: { decision: 'approve', accessSeconds: parseDuration(input.text('for') ?? '8h') },
    })
    if (input.isJson) writeJson(reply)
    else write(safe(`${reply.user} may reach ${reply.app} until ${reply.accessUntil ?? ''}.`))
    return 0
  },
}

export const requestRefuse: Command = {
  usage: 'request refuse ID',
  summary: 'refuse a request for access',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const reply = await input
      .api()
      .call('decideAccessRequest', { params: { id: input.words[0] ?? '' }, body: { decision: 'refuse' } })
    if (input.isJson) writeJson(reply)
    else write('Refused.')
    return 0
  },
}

export const contain: Command = {
  usage: 'contain KIND NAME --reason TEXT [--answer A] [--scope S] [--wait DURATION] [--acknowledge-lockout]',
  summary: 'contain a user, device, session, app, connector, organisation, network, host, url, hash or category',
  options: {
    answer: { type: 'string', help: 'ask, step-up, restrict, cut or contain (default): how strongly' },
    scope: { type: 'string', help: 'apps, internet or all (default): in which direction' },
    wait: { type: 'string', help: 'until nothing is left of it, at most so long: 10s, 1m; names what is left' },
    reason: { type: 'string', help: 'why; shown to colleagues and journalled' },
    'acknowledge-lockout': {
      type: 'boolean',
      help: 'go on although no administrator is left until the containment ends',
    },
    ...expires,
    ...apiOptions,
  },
  positionals: [2, 2],
  async run(input) {
    const [kind = '', name = ''] = input.words
    const reply = await input.api().call('contain', {
      body: {
        subject: { kind: kind as 'user', name },
        // Strict at the API, which names what there is.
        ...(input.text('answer') !== undefined && { answer: input.text('answer') as 'cut' }),
        ...(input.text('scope') !== undefined && { scope: input.text('scope') as 'all' }),
        reason: input.text('reason') ?? '',
        expiresInSeconds: expiry(input, '12h'),
        ...(input.flag('acknowledge-lockout') && { acknowledgeLockout: true }),
      },
    })
    if (input.isJson) writeJson(reply)
    else
      write(
        safe(
          `Contained ${kind} ${name} until ${reply.containment.expiresAt} (${reply.containment.id}). ${effectLine(reply.effect)}`,
        ),
      )
    const wait = input.text('wait')
    const isQuiet = wait === undefined || (await untilNothingIsLeft(input, reply.containment.id, parseDuration(wait)))
    return reply.effect.missing.length === 0 && isQuiet ? 0 : 1
  },
}

const LOOK_AGAIN_MS = 500

/** Says what is left when the time is up. */
async function untilNothingIsLeft(input: Input, id: string, seconds: number): Promise<boolean> {
  const endMs = Date.now() + seconds * 1000
  for (;;) {
    const left = await input.api().call('containmentResidual', { params: { id } })
    if (left.isNone || Date.now() >= endMs) {
      if (input.isJson) writeJson(left)
      else write(left.isNone ? 'Residual access: none.' : safe(residualLine(left)))
      return left.isNone
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
  }
}

function residualLine({ flows, sessions, missing }: ReplyOf<(typeof routes)['containmentResidual']>): string {
  const parts = [
    ...flows.map(({ userName, appName, exchangeId }) => `flow of ${userName} to ${appName} at ${exchangeId}`),
    ...sessions.map((session) => `session ${session}`),
    ...missing.map((exchange) => `unknown at ${exchange}, which did not answer`),
  ]
  return `Residual access: ${parts.join('; ')}.`
}

export const risks: Command = {
  usage: 'risks [ID]',
  summary: 'who is risky, the greatest first; with an id, the sentences that the score is the sum of',
  options: apiOptions,
  positionals: [0, 1],
  async run(input) {
    const id = input.words[0]
    const items =
      id === undefined
        ? (await input.api().call('listRisks', { query: { limit: 1000 } })).items
        : [await input.api().call('getRisk', { params: { id } })]
    if (input.isJson) writeJson(items)
    else if (id !== undefined)
      for (const { parts, points, level } of items) {
        write(`${points} (${level})`)
        write(
          table(
            ['POINTS', 'SENTENCE', 'AT'],
            parts.map((part) => [part.points, part.sentence, part.at]),
          ),
        )
      }
    else
      write(
        table(
          ['RISK', 'LEVEL', 'KIND', 'NAME', 'ID', 'MOST OF IT'],
          items.map(({ points, level, subject, parts }) => [
            points,
            level,
            subject.kind,
            subject.name,
            subject.id,
            parts[0]?.sentence ?? '',
          ]),
        ),
      )
    return 0
  },
}

export const release: Command = {
  usage: 'release ID',
  summary: 'undo a containment',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const effect = await input.api().call('releaseContainment', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(effect)
    else write(effectLine(effect))
    return effect.missing.length === 0 ? 0 : 1
  },
}

export const containments: Command = {
  usage: 'containments',
  summary: 'containments in force',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listContainments', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['CONTAINMENT', 'SUBJECT', 'REASON', 'OWNER', 'UNTIL'],
          items.map((item) => [
            item.id,
            `${item.subject.kind} ${item.subject.name}`,
            item.reason,
            item.owner,
            item.expiresAt,
          ]),
        ),
      )
    return 0
  },
}

export const tenantList: Command = {
  usage: 'tenant list',
  summary: 'tenants of the provider',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listTenants', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['TENANT', 'NAME', 'STATUS', 'CREATED'],
          items.map((item) => [item.name, item.displayName, item.status, item.createdAt]),
        ),
      )
    return 0
  },
}

export const tenantCreate: Command = {
  usage: 'tenant create NAME --administrator USER',
  summary: 'create a tenant and invite its first administrator',
  options: {
    administrator: { type: 'string', help: 'user name of the first administrator' },
    display: { type: 'string', help: 'name that people see' },
    ...apiOptions,
  },
  positionals: [1, 1],
  async run(input) {
    const display = input.text('display')
    const reply = await input.api().call('createTenant', {
      body: {
        name: input.words[0] ?? '',
        administrator: { name: input.text('administrator') ?? '' },
        ...(display && { displayName: display }),
      },
    })
    if (input.isJson) writeJson(reply)
    else
      write(
        `${reply.invitation.url}\nThe first administrator signs in with this link, once, until ${reply.invitation.expiresAt}.`,
      )
    return 0
  },
}

export const exchangeToken: Command = {
  usage: 'exchange token NAME',
  summary: 'a one-time token that enrols an exchange',
  options: { ...expires, ...apiOptions },
  positionals: [1, 1],
  async run(input) {
    const reply = await input
      .api()
      .call('createExchangeToken', { body: { name: input.words[0] ?? '', expiresInSeconds: expiry(input, '1h') } })
    if (input.isJson) writeJson(reply)
    else write(`${reply.token}\nGood once, until ${reply.expiresAt}.`)
    return 0
  },
}
