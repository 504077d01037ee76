// Starts the whole product for a test: `await using world = await startWorld('one-process')`. Everything is run by the
// program `sallyport` as a user would run it; nothing here reaches into a part.
import { rm } from 'node:fs/promises'
import { type ApiClient, apiClient } from '#cli/api-client.ts'
import { Person } from '#demo/person.ts'
import { partAccount, temporaryFolder } from './accounts.ts'
import { startAgent } from './peers/agent.ts'
import { startApart } from './product-apart.ts'
import { startTogether } from './product-together.ts'
import { APPS_DOMAIN, DOMAIN, type Product } from './product.ts'
import { runSallyport } from './run-sallyport.ts'
import type { Credentials, World, WorldMode } from './world-form.ts'

const PASSWORD = 'a long enough pass phrase'

export async function startWorld(
  mode: WorldMode,
): Promise<World & Pick<Product, 'folder' | 'processes' | 'controlPort'>> {
  const isApart = mode === 'processes'
  const product = isApart ? await startApart() : await startTogether()
  const { port, webCaPem, webCaFile, folder, processes } = product
  const client = (tenant: string): ApiClient => apiClient(product.profileOf(tenant))
  const credentials = new Map(product.accounts)

  async function credentialsOf(user: string, tenant = 'acme'): Promise<Credentials> {
    const known = credentials.get(`${tenant}/${user}`)
    if (known) return known
    const { url } = await client(tenant).call('inviteUser', { params: { name: user }, body: {} })
    const person = new Person(webCaPem)
    await person.submit(await person.open(url), { password: PASSWORD, repeat: PASSWORD })
    const made = { user, password: PASSWORD }
    credentials.set(`${tenant}/${user}`, made)
    return made
  }

  return {
    mode,
    folder,
    processes,
    ...(product.controlPort !== undefined && { controlPort: product.controlPort }),
    domain: DOMAIN,
    appsDomain: APPS_DOMAIN,
    port,
    exchangePid: (processes.get('exchange') ?? processes.get('all'))?.process.pid ?? 0,
    webCaPem,
    webCaFile,
    api: (tenant = 'acme') => client(tenant),
    provider: client('provider'),
    credentialsOf,
    agent: async (user, { tenant = 'acme', forwards = [] } = {}) =>
      startAgent({ product, tenant, credentials: await credentialsOf(user, tenant), forwards, isApart }),
    async connector(group, tenant = 'acme') {
      const account = isApart ? partAccount(tenant === 'acme' ? 'acme' : 'globex') : undefined
      const state = temporaryFolder('sallyport-connector-', account)
      const { token } = await client(tenant).call('createEnrolmentToken', { body: { connectorGroup: group } })
      const running = await runSallyport(
        ['connector', '--control', `https://api.${DOMAIN}:${port}`, '--data', state],
        /^connector: running/,
        { account, env: { SALLYPORT_TOKEN: token } },
      )
      return {
        async [Symbol.asyncDispose]() {
          await running.stop()
          await rm(state, { recursive: true, force: true })
        },
      }
    },
    url: (host, path = '/') => `https://${host}:${port}${path}`,
    [Symbol.asyncDispose]: () => product[Symbol.asyncDispose](),
  }
}
