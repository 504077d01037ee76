// From the publish form to the documents that `apply` takes: the app, its connector group and a first policy.
// Must never write a name into policy text that could end its quotes.
export type PublishForm = {
  readonly displayName: string
  readonly name: string
  readonly kind: 'http' | 'tcp'
  readonly host: string
  readonly port: string
  readonly tls: boolean
  readonly agentHost: string
  readonly connectorGroup: string
  readonly group: string
}

export type PublishDocument = {
  readonly kind: string
  readonly name: string
  readonly spec: Readonly<Record<string, unknown>>
}

/** Lower-case label made from what people call the app. */
export function labelFrom(title: string): string {
  return title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '')
}

export function documentsOf(form: PublishForm, isNewGroup: boolean): readonly PublishDocument[] {
  const port = form.port === '' ? {} : { port: Number(form.port) }
  const app = {
    ...(form.displayName !== '' && { displayName: form.displayName }),
    kind: form.kind,
    connectorGroup: form.connectorGroup,
    upstream: { host: form.host, ...port, ...(form.tls && { tls: {} }) },
    ...(form.agentHost !== '' && {
      names: [{ host: form.agentHost, ports: [form.kind === 'http' && form.port === '' ? '80' : form.port] }],
    }),
  }
  return [
    ...(isNewGroup ? [{ kind: 'ConnectorGroup', name: form.connectorGroup, spec: {} }] : []),
    { kind: 'App', name: form.name, spec: app },
    ...(form.group === '' ? [] : [{ kind: 'Policy', name: policyName(form), spec: { text: policyFor(form) } }]),
  ]
}

export function policyName(form: Pick<PublishForm, 'name'>): string {
  return `${form.name.slice(0, 33)}-access`
}

export function policyFor(form: Pick<PublishForm, 'group' | 'name' | 'kind'>): string {
  const action =
    form.kind === 'http' ? 'action in [Action::"connect", Action::"request"]' : 'action == Action::"connect"'
  return `permit (\n  principal in Group::${quoted(form.group)},\n  ${action},\n  resource == App::${quoted(form.name)}\n);\n`
}

function quoted(name: string): string {
  if (!/^[a-z0-9][a-z0-9._@+-]*$/.test(name)) throw new Error('not a name')
  return `"${name}"`
}
