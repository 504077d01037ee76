// Data for the API double: a small company that hangs together, in the very shapes of `core/api`; with every word
// chosen by people either plain or hostile. The last test keeps it honest: replies are parsed by the route table.
import { pictureOf } from '#control/live/picture.ts'
import type { LiveLook } from '#core/api/live-routes.ts'
import { journalEvent } from '#core/events/event.ts'
import type { EventFacts } from '#core/events/event.ts'

export const hostileTexts = [
  '<img src=x onerror="window.owned=1">',
  '"><script>window.owned=1</script>',
  'javascript:window.owned=1',
  '\u202Egpj.exe\u2066',
  '{{constructor.constructor("window.owned=1")()}}',
  '../../..//evil.test/%2e%2e',
  '__proto__',
  `long${'w'.repeat(200)}`,
  '<svg/onload=window.owned=1>',
  'a" onmouseover="window.owned=1" x="',
] as const

export type WorldSize = 'full' | 'empty'
export type Words = (plain: string) => string

export const plainWords: Words = (plain) => plain
export function hostileWords(): Words {
  const given = new Map<string, string>()
  return (plain) => {
    const known = given.get(plain)
    if (known !== undefined) return known
    const made = `${plain} ${hostileTexts[given.size % hostileTexts.length]}`
    given.set(plain, made)
    return made
  }
}

const names = [
  'alice',
  'bruno',
  'chen',
  'dana',
  'emeka',
  'fatima',
  'goran',
  'hana',
  'ivo',
  'jun',
  'kofi',
  'lena',
] as const
const titles = [
  'Alice Adeyemi',
  'Bruno Costa',
  'Chen Wei',
  'Dana Levi',
  'Emeka Obi',
  'Fatima Zahra',
  'Goran Ilić',
  'Hana Sato',
  'Ivo Novak',
  'Jun Park',
  'Kofi Mensah',
  'Lena Fischer',
] as const
const appList = [
  ['wiki', 'Wiki', 'http', 'hq'],
  ['git', 'Git', 'http', 'hq'],
  ['grafana', 'Grafana', 'http', 'hq'],
  ['payroll', 'Payroll', 'http', 'finance'],
  ['postgres', 'Orders database', 'tcp', 'dc-west'],
  ['bastion', 'Bastion (SSH)', 'tcp', 'dc-west'],
  ['files', 'File server', 'http', 'hq'],
] as const

export function makeWorld(size: WorldSize, words: Words, nowMs: number) {
  const iso = (secondsAgo: number) => new Date(nowMs - secondsAgo * 1000).toISOString()
  const id = (prefix: string, n: number) => `${prefix}_${(n * 7919 + 1_234_567).toString(32).padEnd(20, 'k7m2q')}`
  const user = (n: number) => words(names[n % names.length] ?? '')
  const app = (n: number) => appList[n % appList.length] ?? appList[0]
  const exchanges = [id('exc', 1), id('exc', 2)]
  const resource = (kind: string, n: number, name: string, spec: Record<string, unknown>) => ({
    kind,
    id: id(kind.slice(0, 3).toLowerCase(), n),
    name,
    spec,
    version: n + 1,
    createdAt: iso(86_400 * (n + 30)),
    updatedAt: iso(3600 * (n + 2)),
  })
  const some = size === 'full'
  const upTo = <T>(count: number, make: (n: number) => T): T[] =>
    some ? Array.from({ length: count }, (_, n) => make(n)) : []
  const apps = upTo(appList.length, (n) => {
    const [name, title, kind, group] = app(n)
    return resource('App', n, words(name), {
      displayName: words(title),
      description: words('For everyone at Acme.'),
      kind,
      connectorGroup: words(group),
      owner: words('dana'),
      groups: n === 4 ? [words('production')] : [],
      upstream: { host: words(`${name}.internal`), port: kind === 'tcp' ? 5432 : 8080 },
      ...(kind === 'tcp' && {
        names: [{ host: words(`${name}.acme.test`), ports: [name === 'bastion' ? '22' : '5432'] }],
      }),
    })
  })
  const policyText = (name: string) =>
    `// ${words('Engineers, on a device that we know.')}\n@id("${name}")\npermit (\n  principal in Group::"engineering",\n  action in [Action::"connect", Action::"request"],\n  resource == App::"${name}"\n)\nwhen { context has device && context.device.posture >= 1 };\n`
  const policies = upTo(6, (n) =>
    resource('Policy', n, words(`${app(n)[0]}-access`), {
      description: words(`Who may reach ${app(n)[1]}.`),
      text: policyText(words(app(n)[0])),
    }),
  )
  const users = upTo(names.length, (n) =>
    resource('User', n, user(n), {
      displayName: words(titles[n] ?? ''),
      email: words(`${names[n]}@acme.test`),
      groups: [words(n % 3 === 0 ? 'finance' : 'engineering'), words('staff')],
      ...(n === 11 && { organisation: words('northwind') }),
      ...(n === 9 && { status: 'disabled' }),
    }),
  )
  const organisations = upTo(2, (n) =>
    resource('Organisation', n, words(['northwind', 'contoso'][n] ?? ''), {
      displayName: words(['Northwind Support', 'Contoso Audit'][n] ?? ''),
      sponsor: words('dana'),
      from: iso(86_400 * 40),
      until: n === 0 ? iso(-86_400 * 50) : iso(86_400 * 2),
      apps: [words('wiki'), words('payroll')],
    }),
  )
  const groups = upTo(3, (n) => resource('Group', n, words(['engineering', 'finance', 'staff'][n] ?? ''), {}))
  const connectorGroups = upTo(3, (n) =>
    resource('ConnectorGroup', n, words(['hq', 'finance', 'dc-west'][n] ?? ''), {}),
  )
  const flows = upTo(46, (n) => {
    const person = (n * n + (n % 5)) % 11
    const [name, , kind] = app((n * 3 + person) % 7)
    return {
      flowId: id('flw', n),
      tenantId: id('ten', 0),
      userId: id('usr', person),
      userName: user(person),
      sessionId: id('ses', person),
      deviceId: kind === 'tcp' ? id('dev', person) : null,
      appId: id('app', n),
      appName: words(name),
      connectorId: id('con', n % 3),
      exchangeId: exchanges[n % 2] ?? '',
      way:
        kind === 'tcp'
          ? ('sealed' as const)
          : n % 9 === 0
            ? ('websocket' as const)
            : n % 4 === 0
              ? ('inspected' as const)
              : ('browser' as const),
      clientIp: `203.0.113.${20 + person}`,
      openedAtMs: nowMs - (n * 97 + 4) * 1000,
      bytesIn: 18_400 * (n + 1),
      bytesOut: 734_000 * (n + 1),
      policies: [words(`${name}-access`)],
    }
  })
  const sessions = upTo(9, (n) => ({
    id: id('ses', n),
    user: user(n),
    userId: id('usr', n),
    device: n % 2 === 0 ? words(`${names[n]}-laptop`) : null,
    deviceId: n % 2 === 0 ? id('dev', n) : null,
    door: n % 2 === 0 ? ('agent' as const) : n === 1 ? ('console' as const) : ('browser' as const),
    factors: n % 3 === 0 ? ['passkey'] : ['password', 'totp'],
    ip: `203.0.113.${20 + n}`,
    createdAt: iso(1800 * (n + 1)),
    expiresAt: iso(-3600 * (10 - n)),
    lastSeenAt: iso(7 * n),
  }))
  const devices = upTo(7, (n) => ({
    id: id('dev', n),
    name: words(`${names[n]}-laptop`),
    user: user(n),
    posture: n % 3,
    os: ['Debian 13', 'macOS 26', 'Windows 11'][n % 3] ?? '',
    status: n === 6 ? ('revoked' as const) : ('active' as const),
    certificateUntil: n === 6 ? null : iso(-3600 * 20),
    createdAt: iso(86_400 * (n + 3)),
    lastSeenAt: n === 5 ? null : iso(50 * n),
  }))
  const connectors = upTo(4, (n) => ({
    id: id('con', n),
    name: words(['hq-1', 'hq-2', 'dc-west-1', 'finance-1'][n] ?? ''),
    group: words(['hq', 'hq', 'dc-west', 'finance'][n] ?? ''),
    status: 'active' as const,
    certificateUntil: iso(-3600 * 18),
    createdAt: iso(86_400 * 12),
    lastSeenAt: n === 3 ? iso(7_200) : iso(20),
    connected:
      n === 3
        ? []
        : exchanges.map((exchangeId, at) => ({
            exchangeId,
            since: iso(86_400 + 60 * n),
            liveFlows: 5 * n + at + 3,
            parked: 8,
          })),
    unhealthyApps: n === 1 ? [{ app: words('grafana'), detail: words('connection refused') }] : [],
  }))
  const denied = (n: number): EventFacts => ({
    uid: `ev-${n}`,
    timeMs: nowMs - (n * 71 + 6) * 1000,
    tenantId: id('ten', 0),
    outcome: 'failure',
    severity: 2,
    user: { uid: id('usr', n), name: user(n + 3), groups: [words('staff')] },
    sessionId: id('ses', n),
    source: { ip: `203.0.113.${20 + n}`, port: 51_000 + n },
    app: { uid: id('app', n), name: words(app(n + 3)[0]) },
    destination: { host: `${app(n + 3)[0]}.acme.apps.test`, port: 443 },
    decision: {
      kind: 'deny',
      reason: n % 2 === 0 ? 'device-posture' : 'no-policy',
      policies: [],
      missing: [
        words(n % 2 === 0 ? 'needs device posture ≥ managed; yours: unknown' : 'needs group finance; yours: staff'),
      ],
    },
    message: words(
      n % 2 === 0 ? 'Needs a managed device; this one is unknown.' : 'No policy allows this person to reach the app.',
    ),
    exchangeId: exchanges[n % 2] ?? null,
  })
  const allowed = (n: number): EventFacts => ({
    uid: `ok-${n}`,
    timeMs: nowMs - (n * 43 + 20) * 1000,
    tenantId: id('ten', 0),
    outcome: 'success',
    user: { uid: id('usr', n), name: user(n) },
    sessionId: id('ses', n),
    source: { ip: `203.0.113.${20 + n}` },
    app: { uid: id('app', n), name: words(app(n)[0]) },
    destination: { host: `${app(n)[0]}.acme.apps.test`, port: 443 },
    decision: { kind: 'allow', policies: [{ id: id('pol', n), name: words(`${app(n)[0]}-access`) }] },
    http: { method: 'GET', path: words('/projects/roadmap'), status: 200 },
    traffic: { bytesIn: 900 * n, bytesOut: 44_000 * n, durationMs: 1200 },
  })
  const changed = (n: number): EventFacts => {
    const { uid, timeMs, tenantId, user, source } = allowed(n)
    return {
      uid,
      timeMs,
      tenantId,
      outcome: 'success',
      ...(user && { user }),
      ...(source && { source }),
      api: { operation: 'putResource', target: words('wiki-access'), resourceKind: 'Policy' },
    }
  }
  const signedIn = (n: number): EventFacts => {
    const { uid, timeMs, tenantId, user, source } = allowed(n)
    return {
      uid,
      timeMs,
      tenantId,
      outcome: 'success',
      ...(user && { user }),
      ...(source && { source }),
      factors: ['passkey'],
      message: words('Signed in with a passkey.'),
    }
  }
  const events = [
    ...upTo(7, (n) => journalEvent('authorization', 'decide', denied(n))),
    ...upTo(24, (n) =>
      n % 6 === 5
        ? journalEvent('apiActivity', 'update', changed(n))
        : n % 4 === 3
          ? journalEvent('authentication', 'signIn', signedIn(n))
          : journalEvent('http', 'get', allowed(n)),
    ),
  ]
    .map((event, n) => ({ cursor: `c${n}`, writer: 'control', event: { ...event } }))
    .sort((a, b) => Number(b.event['time']) - Number(a.event['time']))
  return {
    apps,
    policies,
    users,
    organisations,
    groups,
    connectorGroups,
    flows,
    sessions,
    devices,
    connectors,
    events,
    exchanges,
    deniedEvent: (n: number) => ({
      cursor: `live-${n}`,
      writer: 'control',
      event: { ...journalEvent('authorization', 'decide', { ...denied(n), uid: `live-${n}`, timeMs: Date.now() }) },
    }),
    iso,
    id,
    requests: upTo(2, (n) => ({
      id: id('req', n),
      user: user(n + 5),
      app: words('payroll'),
      reason: words('Month-end closing, until Friday.'),
      status: 'open' as const,
      createdAt: iso(3000 * (n + 1)),
      decidedBy: null,
      decidedAt: null,
      accessUntil: null,
    })),
    approvals: upTo(1, (n) => ({
      id: id('apr', n),
      user: user(7),
      app: words('payroll'),
      approvedBy: words('dana'),
      expiresAt: iso(-7200),
    })),
    administrators: upTo(2, (n) => ({
      user: user(n),
      role: n === 0 ? ('tenant-admin' as const) : ('auditor' as const),
      grantedBy: words('setup'),
      createdAt: iso(86_400 * 90),
    })),
    apiTokens: upTo(2, (n) => ({
      id: id('tok', n),
      name: words(['ci-deploy', 'backup'][n] ?? ''),
      role: 'auditor' as const,
      createdBy: user(0),
      createdAt: iso(86_400 * 5),
      expiresAt: iso(-86_400 * 25),
      lastUsedAt: n === 0 ? iso(300) : null,
    })),
    enrolmentTokens: upTo(1, (n) => ({
      id: id('enr', n),
      use: 'connector' as const,
      target: words('dc-west'),
      createdBy: user(0),
      createdAt: iso(600),
      expiresAt: iso(-3000),
      usedAt: null,
    })),
    tenants: upTo(3, (n) => ({
      id: id('ten', n),
      name: ['acme', 'globex', 'initech'][n] ?? '',
      displayName: words(['Acme', 'Globex', 'Initech'][n] ?? ''),
      parent: null,
      status: n === 2 ? ('suspended' as const) : ('active' as const),
      createdAt: iso(86_400 * 100),
    })),
    exchangeViews: upTo(2, (n) => ({
      id: exchanges[n] ?? '',
      name: words(['eu-central-1', 'us-east-1'][n] ?? ''),
      address: `${['eu', 'us'][n]}.sallyport.test:443`,
      connected: n === 0,
      lastSeenAt: iso(n * 400),
      software: 'sallyport/0.1.0',
    })),
  }
}
export type World = ReturnType<typeof makeWorld>

/** What the live stream says of this world, summed by the server's own code. */
export function lookOf(world: World, rate = 1): LiveLook {
  const groups = ['engineering', 'finance', 'staff']
  const sums = world.flows.map((flow, n) => ({
    userId: flow.userName,
    appId: flow.appName,
    isWeb: n % 11 === 5,
    flows: 1,
    bytesIn: 900 * rate * (n % 5),
    bytesOut: 21_000 * rate * (n % 5),
  }))
  const { picture, people, apps, bytesIn, bytesOut } = pictureOf(
    sums,
    1,
    {
      user: (id) => ({ name: id, groupKey: groups[id.length % 3] ?? '' }),
      app: (id) => id,
      group: (key) => (key === '' ? undefined : { name: key, kind: 'group', members: 4 }),
    },
    { names: 9 },
  )
  const up = world.connectors.filter(({ connected }) => connected.length > 0)
  return {
    kind: 'look',
    atMs: Date.now(),
    flows: world.flows.length,
    people,
    apps,
    toAppsPerSecond: bytesIn,
    fromAppsPerSecond: bytesOut,
    picture,
    health: {
      exchanges: 2,
      missing: [],
      connectors: world.connectors.length,
      connectorsUp: up.length,
      groupsAway: world.connectors.filter(({ connected }) => connected.length === 0).map(({ group }) => group),
      appsUnhealthy: world.connectors.flatMap(({ unhealthyApps }) => unhealthyApps.map(({ app }) => app)),
    },
  }
}

/** A line of who may reach what: allowed but for every fourth. */
export function mayReach(words: Words, { name, spec }: { name: string; spec: Record<string, unknown> }, n: number) {
  const isAllowed = n % 4 !== 3
  return {
    name,
    displayName: String(spec['displayName'] ?? name),
    kind: 'http',
    decision: {
      decision: isAllowed ? 'allow' : 'deny',
      reason: isAllowed ? null : 'no-policy',
      message: words('No policy allows this person to reach the app.'),
      advice: '',
      policies: isAllowed ? [{ id: `pol_${n}`, name: words('wiki-access'), line: 1 }] : [],
      missing: isAllowed
        ? []
        : [{ policy: 'p', conditions: [words('needs device posture ≥ managed; yours: unknown')] }],
      errors: [],
    },
  }
}
