// What an agent is told that asks for an app by its name for browsers. Must never tell of another tenant's host.
import type { Denial } from '#core/wire/flow.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import type { Tenant } from '#exchange/tenant/tenant.ts'

/** Undefined when it is no browser host of this tenant. */
export function browserHostDenial(
  { directory }: Pick<ExchangeContext, 'directory'>,
  tenant: Tenant,
  host: string,
): Denial | undefined {
  const found = directory.browserTarget(host)
  if (found?.tenant.id !== tenant.id) return undefined
  const own = found.app.names[0]?.host
  return {
    reason: 'app-unknown',
    message: `${host} is the address of ${found.app.displayName} for browsers, which reach it without the agent.`,
    advice:
      own === undefined
        ? 'Open it in a browser that does not send it through this proxy (/proxy.pac leaves it out).'
        : `Through the agent the app is called ${own}; or open it in a browser that does not send it through this proxy.`,
    requestAccessUrl: null,
  }
}
