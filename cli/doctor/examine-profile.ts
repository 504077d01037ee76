// The way of one signed-in person: to each exchange, and from the first that is well to an app. Must never show the
// profile's key, nor go to an app through an exchange whose path failed.
import { Exchanges } from '#agent/exchanges.ts'
import { openFlow } from '#agent/open-flow.ts'
import type { Profile } from '#agent/profile.ts'
import { whoami, WHOAMI_PATH } from '#core/wire/flow.ts'
import { diagnosePath, type PathDeps } from '#operations/doctor/diagnose-path.ts'
import { isWell, type HopResult } from '#operations/doctor/hop.ts'
import { parseEndpoint, type Endpoint } from '#cli/endpoints.ts'
import { diagnoseApp } from './app-hops.ts'

export type Examined = { readonly what: string; readonly hops: readonly HopResult[] }

export async function examineProfile(
  profile: Profile,
  app: Endpoint | undefined,
  deps: PathDeps,
): Promise<readonly Examined[]> {
  const { tenant, domain, doorsCaPem, exchanges, user } = profile.signedIn
  const serverName = `${tenant}.proxy.${domain}`
  const paths = await Promise.all(
    exchanges.map(async (address): Promise<Examined> => {
      const target = parseEndpoint(address, 'exchange')
      const config = { target, serverName, caPem: [doorsCaPem], credentials: profile.tlsCredentials, path: WHOAMI_PATH }
      return { what: `${user}: ${serverName} at ${address}`, hops: await diagnosePath(config, deps) }
    }),
  )
  if (app === undefined || !paths.some(({ hops }) => isWell(hops))) return paths
  const signal = deps.signal ?? new AbortController().signal
  const asked = new Exchanges(profile, { nowMs: deps.nowMs })
  try {
    const isHttp = await isHttpApp(asked, app)
    const open = () => openFlow(app.host, app.port, { exchanges: asked, profile: () => profile, signal })
    return [
      ...paths,
      { what: `${user}: ${app.host}:${app.port}`, hops: await diagnoseApp(open, { host: app.host, isHttp }) },
    ]
  } finally {
    await asked.close()
  }
}

async function isHttpApp(exchanges: Exchanges, { host }: Endpoint): Promise<boolean> {
  const { body } = await exchanges.ask('GET', WHOAMI_PATH).catch(() => ({ body: undefined }))
  const parsed = whoami.safeParse(body)
  const apps = parsed.success ? parsed.data.apps : []
  return apps.some(({ appKind, names }) => appKind === 'http' && names.some((name) => name.host === host))
}
