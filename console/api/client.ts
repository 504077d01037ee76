// The one way from the console to control: calls a route of the table by name and gives its reply, or throws an
// ApiFault. Must never put a value into a path without encoding it, and never follow a 401 silently.
import { plainReply } from './plain-text.ts'
import { routePaths } from './route-paths.ts'
import type { BodyOf, QueryOf, ReplyOf } from '#core/api/route.ts'
import type { routes } from '#core/api/routes.ts'
import { caps } from '#console/caps.ts'
import { ApiFault, faultOf } from './api-fault.ts'
import { askToSignIn } from './sign-in.ts'

type Routes = typeof routes
export type RouteName = keyof Routes
export type Reply<N extends RouteName> = ReplyOf<Routes[N]>
export type Input<N extends RouteName> = {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Partial<NonNullable<QueryOf<Routes[N]>>>
  readonly body?: BodyOf<Routes[N]>
}

/** `/api/v1/…` with parameters and query filled in. Throws when a parameter of the path is missing. */
export function addressOf(
  name: RouteName,
  input: Pick<Input<RouteName>, 'params'> & { readonly query?: object },
): string {
  const entry = routePaths[name]
  if (!entry) throw new Error(`no route ${name}`)
  const path = entry[1].replace(/:(\w+)/g, (_, key: string) => {
    const value = input.params?.[key]
    // An empty, `.` or `..` segment would make this another route.
    if (value === undefined || value === '' || value === '.' || value === '..') throw new ApiFault('not-found', 404)
    return encodeURIComponent(value)
  })
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined && value !== null && value !== '') query.set(key, String(value))
  }
  const text = query.toString()
  return `/api${path}${text && `?${text}`}`
}

export async function call<N extends RouteName>(
  name: N,
  input: Input<N> = {},
  signal?: AbortSignal,
): Promise<Reply<N>> {
  const deadline = AbortSignal.timeout(caps.requestTimeoutMs)
  const address = addressOf(name, input)
  let response: Response
  let text: string
  try {
    response = await fetch(address, {
      method: routePaths[name]?.[0] ?? 'GET',
      credentials: 'same-origin',
      redirect: 'error',
      cache: 'no-store',
      headers: { accept: 'application/json', ...(input.body !== undefined && { 'content-type': 'application/json' }) },
      ...(input.body !== undefined && { body: JSON.stringify(input.body) }),
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    text = await response.text()
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiFault(deadline.aborted ? 'request-timeout' : 'unreachable', 0, { cause })
  }
  if (response.ok) return parse(text, response.status) as Reply<N>
  const fault = faultOf(response.status, text)
  if (response.status === 401) askToSignIn()
  throw fault
}

function parse(text: string, status: number): unknown {
  if (text === '') return {}
  try {
    return plainReply(JSON.parse(text))
  } catch (cause) {
    throw new ApiFault('reply-malformed', status, { cause })
  }
}
