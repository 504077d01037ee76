// Commands of the provider for the host names that a tenant brings for its apps.
import { type Command, type Input, apiOptions } from '#cli/command.ts'
import { safe, write, writeJson } from '#cli/output.ts'

/** The route sets all of them at once; what is not named here stays as it is. */
async function change(input: Input, next: (hosts: readonly string[]) => string[]): Promise<number> {
  const [name = ''] = input.words
  const api = input.api()
  const before = await api.call('getTenantHosts', { params: { name } })
  const after = await api.call('setTenantHosts', { params: { name }, body: { hosts: next(before.hosts) } })
  if (input.isJson) writeJson(after.hosts)
  else write(safe(after.hosts.length === 0 ? `${name} has no host name of its own.` : after.hosts.join('\n')))
  return 0
}

export const ownHostList: Command = {
  usage: 'own-host list TENANT',
  summary: 'host names of its own that a tenant may give its apps',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const { hosts } = await input.api().call('getTenantHosts', { params: { name: input.words[0] ?? '' } })
    if (input.isJson) writeJson(hosts)
    else write(safe(hosts.length === 0 ? 'None.' : hosts.join('\n')))
    return 0
  },
}

export const ownHostApprove: Command = {
  usage: 'own-host approve TENANT HOST',
  summary: "let a tenant use a host name; check first that it is the tenant's, for control will vouch for it",
  options: apiOptions,
  positionals: [2, 2],
  run: (input) => change(input, (hosts) => [...new Set([...hosts, (input.words[1] ?? '').toLowerCase()])]),
}

export const ownHostRefuse: Command = {
  usage: 'own-host refuse TENANT HOST',
  summary: 'take a host name from a tenant; refused while an app uses it',
  options: apiOptions,
  positionals: [2, 2],
  run: (input) => change(input, (hosts) => hosts.filter((host) => host !== (input.words[1] ?? '').toLowerCase())),
}
