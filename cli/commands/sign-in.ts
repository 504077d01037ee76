// `sallyport login`: an administrator's profile for the commands, from sign-in and not from a token typed somewhere.
// What is kept is an API token that the signed-in person makes for this machine; it ends by itself.
import { hostname } from 'node:os'
import { isFault } from '#core/fault.ts'
import { apiClient } from '#cli/api-client.ts'
import { type Command, parseDuration, UsageFault } from '#cli/command.ts'
import { parseEndpoint } from '#cli/endpoints.ts'
import { safe, write, writeError, writeJson } from '#cli/output.ts'
import { profilePath, writeProfile } from '#cli/profile.ts'
import { parsePortal, readCa } from './agent.ts'

export const login: Command = {
  usage: 'login --server URL',
  summary: 'sign in as an administrator and keep a profile for the other commands',
  options: {
    server: { type: 'string', help: "address of the tenant's portal: https://<tenant>.<domain>[:port]" },
    ca: { type: 'string', help: 'PEM file of the authority to trust (default: public roots)' },
    address: { type: 'string', help: 'host:port to dial, where the names do not resolve' },
    device: { type: 'boolean', help: 'show a code to type on another device, where there is no browser' },
    role: { type: 'string', help: 'tenant-admin, auditor or provider-admin (default: the most you have)' },
    expires: { type: 'string', help: 'how long the profile is good for (default 12h)' },
    profile: { type: 'string', help: 'name or file of the profile (default: "default")' },
    json: { type: 'boolean', help: 'write JSON for machines' },
  },
  positionals: [0, 0],
  async run(input) {
    const server = input.text('server')
    if (server === undefined) throw new UsageFault('--server is needed', login)
    const { commandLineClient, obtainAccessToken } = await import('#agent/access-token.ts')
    const { openBrowser } = await import('#agent/verbs.ts')
    const { tenant, domain, port } = parsePortal(server)
    const origin = (label: string) => `https://${label}.${domain}${port === 443 ? '' : `:${port}`}`
    const address = input.text('address')
    const trust = readCa(input)
    const { accessToken } = await obtainAccessToken({
      issuer: `${origin('id')}/${tenant}`,
      site: { ...trust, ...(address !== undefined && { address: parseEndpoint(address, '--address') }) },
      client: commandLineClient,
      flow: input.flag('device') ? 'device' : 'browser',
      signal: input.signal,
      show: ({ url, userCode }) => {
        if (input.isJson) writeError(JSON.stringify({ url, ...(userCode !== undefined && { userCode }) }))
        else if (userCode !== undefined) writeError(`Open ${url} on any device and type ${userCode}`)
        else
          writeError(
            openBrowser(url)
              ? `Sign in in the browser that has opened. If none did, open\n${url}`
              : `Open this page to sign in:\n${url}`,
          )
      },
    })
    const caPem = trust.caPem?.join('\n')
    const base = { server: origin('api'), tenant, ...(caPem !== undefined && { caPem }) }
    const signedIn = apiClient({ ...base, token: accessToken })
    const { user, roles } = await signedIn.call('me')
    const role = (input.text('role') ??
      (['provider-admin', 'tenant-admin', 'auditor'] as const).find((each) => roles.includes(each))) as
      | 'auditor'
      | undefined
    const path = profilePath(input.text('profile'))
    // Someone without a role has nothing to administer; a profile would only mislead.
    if (role === undefined) {
      writeError(safe(`${user} has no role in ${tenant}; nothing was kept. An administrator can give one.`))
      return 1
    }
    const name = `cli-${hostname()
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]/g, '-')
      .slice(0, 60)}`
    const seconds = parseDuration(input.text('expires') ?? '12h')
    const { token, expiresAt } = await signedIn
      .call('createApiToken', { body: { name, role, expiresInSeconds: seconds } })
      .catch((fault: unknown) => {
        // An auditor may not make tokens: the access token of this sign-in serves as long as it lives.
        if (!isFault(fault, 'not-permitted')) throw fault
        return { token: accessToken, expiresAt: null }
      })
    writeProfile(path, { ...base, token })
    if (input.isJson) writeJson({ user, tenant, role, profile: path, expiresAt })
    else
      write(
        safe(
          `Signed in to ${tenant} as ${user} (${role})${expiresAt === null ? ', for as long as this sign-in lives' : ` until ${expiresAt}`}. Profile: ${path}`,
        ),
      )
    return 0
  },
}
