// The running product as a world sees it: where it is, who administers it, and which processes it consists of.
import type { Profile } from '#cli/profile.ts'
import type { Child } from './run-sallyport.ts'
import type { Credentials } from './world-form.ts'

export const DOMAIN = 'sallyport.localhost'
export const APPS_DOMAIN = 'apps.localhost'

export type Product = AsyncDisposable & {
  readonly folder: string
  /** The one public port. */
  readonly port: number
  /** Control's private port, where it is a process of its own. */
  readonly controlPort?: number
  readonly webCaFile: string
  readonly webCaPem: string
  /** `<tenant>/<user>` → how that person signs in. */
  readonly accounts: ReadonlyMap<string, Credentials>
  profileOf(tenant: string): Profile
  /** By part; one entry for everything where everything is one process. */
  readonly processes: ReadonlyMap<string, Child>
}
