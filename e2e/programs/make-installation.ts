// Run once, before anything else: makes an installation with a tenant, and writes the tokens of its administrators to
// standard output as JSON. What an operator does by hand at the machine, on the first day.
//   node make-installation.ts '{"dataFolder": …, "port": …}'
import { apiClient } from '#cli/api-client.ts'
import { parseControlConfig } from '#control/config.ts'
import { createLocalAccess } from '#control/local-access.ts'
import { startControl } from '#control/server.ts'
import type { Seed, SeedInput } from '#e2e/chaos/install.ts'

const TOKEN_SECONDS = 86_400
const { dataFolder, domain, appsDomain, publicPort, port } = JSON.parse(process.argv[2] ?? '') as SeedInput

await using control = await startControl(
  parseControlConfig({
    dataFolder,
    domain,
    appsDomain,
    publicPort,
    listen: { host: '127.0.0.1', port },
    relays: ['127.0.0.1'],
  }),
)
const local = createLocalAccess(control.context)
const provider = await local.apiToken('provider', 'admin', 'provider-admin', TOKEN_SECONDS)
const caPem = control.webCaPem.join('\n')
const server = `https://api.${domain}:${port}`
const api = apiClient({ server, tenant: 'provider', token: provider.token, caPem })
const { tenant } = await api.call('createTenant', {
  body: { name: 'acme', displayName: 'Acme', administrator: { name: 'alice', displayName: 'Alice Archer' } },
})
const acme = await local.apiToken('acme', 'alice', 'tenant-admin', TOKEN_SECONDS)
const exchange = await local.exchangeToken('admin', 'edge')
const seed: Seed = { caPem, tenantId: tenant.id, acmeToken: acme.token, exchangeToken: exchange.token }
process.stdout.write(JSON.stringify(seed))
