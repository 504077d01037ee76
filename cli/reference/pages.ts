// The reference pages, each a function of the schemas and tables that the program itself uses: what they say is
// what it does. `npm run reference` writes them; a test refuses a page that is older than its source.
import { faultTable } from '#core/fault.ts'
import { routes } from '#core/api/routes.ts'
import type { Route } from '#core/api/route.ts'
import { resourceKinds, tenantSettings } from '#core/resources/kinds.ts'
import { controlConfig } from '#control/config.ts'
import type { Command } from '#cli/command.ts'
import { commandSections } from '#cli/commands.ts'
import { hopMeanings } from '#core/wire/hops.ts'
import { metricTable, type Family } from '#operations/metric-table.ts'
import { GENERATED, schemaTable, table } from './markdown.ts'
import { manualPage } from './manual-page.ts'
import { schemaRows } from './schema-rows.ts'

/** File below docs/reference → its text. */
export function referencePages(): ReadonlyMap<string, string> {
  return new Map([
    ['commands.md', commandsPage()],
    ['api.md', apiPage()],
    ['resources.md', resourcesPage()],
    ['configuration.md', configurationPage()],
    ['faults.md', faultsPage()],
    ['metrics.md', metricsPage()],
    ['sallyport.1', manualPage()],
  ])
}

function page(title: string, intro: string, parts: readonly string[]): string {
  return `${[GENERATED, `# ${title}`, intro, ...parts].join('\n\n')}\n`
}

function commandsPage(): string {
  return page(
    'Commands',
    'Exit codes: 0 done · 1 refused, or not so · 2 wrong usage · 69 something needed cannot be reached · 70 our fault · 78 wrong configuration · 130 interrupted. With `--json` an error is one JSON object on standard error: `{"error":{"code","message"}}`.',
    commandSections.map(([title, commands]) => [`## ${title}`, ...commands.map(commandPart)].join('\n\n')),
  )
}

function commandPart({ usage, summary, options }: Command): string {
  const rows = Object.entries(options ?? {}).map(([name, { type, short, help }]) => [
    `\`${short === undefined ? '' : `-${short}, `}--${name}${type === 'string' ? ' VALUE' : ''}\``,
    help,
  ])
  return [`### \`sallyport ${usage}\``, summary, ...(rows.length > 0 ? [table(['option', 'meaning'], rows)] : [])].join(
    '\n\n',
  )
}

const accessWords: Readonly<Record<Route['access'], string>> = {
  public: 'anyone; the body carries its own proof',
  user: 'anyone signed in to the tenant, about themselves',
  auditor: 'auditor or tenant administrator',
  'tenant-admin': 'tenant administrator',
  'provider-admin': 'provider administrator',
}

function apiPage(): string {
  return page(
    'API',
    'Every route of `https://api.<domain>`, from the schemas that validate it; the same as an OpenAPI 3.1 document at `/v1/openapi.json`. Send `Authorization: Bearer …`. A refusal is `{"error":{"code","message","at"}}` with a code from [faults](faults.md).',
    Object.entries<Route>(routes).map(([name, route]) => apiPart(name, route)),
  )
}

function apiPart(name: string, route: Route): string {
  const query = route.query ? ['Query:', schemaTable(schemaRows(route.query))] : []
  const body = route.body ? ['Body:', schemaTable(schemaRows(route.body))] : []
  const answer = route.stream ? 'a stream of server-sent events' : `status ${route.status ?? 200}`
  return [
    `## \`${route.method} ${route.path}\``,
    `${route.summary} (\`${name}\`; ${accessWords[route.access]}; ${answer})`,
    ...query,
    ...body,
  ].join('\n\n')
}

function resourcesPage(): string {
  const kinds = Object.entries(resourceKinds).map(([kind, { spec }]) =>
    [`## ${kind}`, schemaTable(schemaRows(spec))].join('\n\n'),
  )
  const settings = ['## Settings of a tenant', schemaTable(schemaRows(tenantSettings))].join('\n\n')
  return page(
    'Resources',
    'What `sallyport apply` takes: documents of `kind`, `name` and `spec`. Unknown keys are refused with their line. The tables show `spec`.',
    [...kinds, settings],
  )
}

function configurationPage(): string {
  return page('Configuration', 'An unknown key refuses to start.', [
    ['## Control plane', schemaTable(schemaRows(controlConfig))].join('\n\n'),
  ])
}

function metricsPage(): string {
  const parts = ['every part', 'exchange', 'control', 'connector', 'agent'] as const
  const tables = parts.map((part) => {
    const families = Object.entries<Family>(metricTable).filter(([, family]) => family.part === part)
    const rows = families.map(([name, { type, help, labels, only }]) => [
      `\`${name}\``,
      type,
      Object.entries(labels ?? {})
        .map(([label, most]) => `\`${label}\` (at most ${most})`)
        .join(', '),
      only === undefined ? help : `${help} Only ${only}.`,
    ])
    return [
      `## ${part.charAt(0).toUpperCase()}${part.slice(1)}`,
      table(['metric', 'type', 'labels, values', 'meaning'], rows),
    ].join('\n\n')
  })
  const hops = Object.entries(hopMeanings).map(([hop, { where, waitsFor }]) => [`\`${hop}\``, where, waitsFor])
  return page(
    'Metrics',
    'What `/metrics` of a part started with `--metrics HOST:PORT` shows, in text exposition format 0.0.4, or OpenMetrics 1.0 to who asks for it. Names are stable. See [Operations](../operations.md).',
    [
      ...tables,
      [
        '## Hops',
        'The label `hop` of `sallyport_exchange_hop_seconds`, `hops` in events and flows (milliseconds), and the spans of a trace:',
        table(['hop', 'where', 'waits for'], hops),
      ].join('\n\n'),
    ],
  )
}

function faultsPage(): string {
  return page('Faults', 'Codes are stable; messages may change their wording.', [
    table(
      ['code', 'status', 'message'],
      Object.entries(faultTable).map(([code, [status, message]]) => [`\`${code}\``, String(status), message]),
    ),
  ])
}
