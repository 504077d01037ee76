// What an end-to-end story may use of the running product: only what a person, a program or an operator has.
import type { ApiClient } from '#cli/api-client.ts'
import type { Account } from './accounts.ts'

export type AgentHandle = AsyncDisposable & {
  readonly socksPort: number
  readonly httpPort: number
  readonly pacUrl: string
  /** Local port → app, as given by `--forward`. */
  readonly forwards: ReadonlyMap<string, number>
  /** The account it runs under, and the only one whose programs it serves; undefined: this process's own. */
  readonly account: Account | undefined
  /** Its folder, for `sallyport agent … --state`. */
  readonly state: string
}

export type Credentials = { readonly user: string; readonly password: string; readonly totpSecret?: string }

export type WorldMode = 'one-process' | 'processes'

export type World = AsyncDisposable & {
  readonly mode: WorldMode
  readonly domain: string
  readonly appsDomain: string
  /** The one public port, on loopback. */
  readonly port: number
  /** The process whose memory is the exchange's; in one process, everybody's. */
  readonly exchangePid: number
  readonly webCaPem: string
  readonly webCaFile: string
  /** A tenant administrator's client; `acme` and `globex` exist. */
  api(tenant?: string): ApiClient
  readonly provider: ApiClient
  /** Sets up built-in sign-in for the user by an invitation, as a person would. */
  credentialsOf(user: string, tenant?: string): Promise<Credentials>
  /** Signs in and starts an agent, with fixed ports such as `{ 'db.acme.test:5432': 0 }`. */
  agent(
    user: string,
    options?: { readonly tenant?: string; readonly forwards?: readonly string[] },
  ): Promise<AgentHandle>
  /** One more connector of a group, enrolled by a one-time token. */
  connector(group: string, tenant?: string): Promise<AsyncDisposable>
  /** `https://<host>:<port>` */
  url(host: string, path?: string): string
}
