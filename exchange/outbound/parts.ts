// What the files of this folder share. Holds nothing of its own; `outbound.ts` puts it together.
import type { Inspector } from '#core/inspection/verdict.ts'
import type { ExchangeContext } from '#exchange/context.ts'
import type { ClientCertificateSites } from './client-certificate-sites.ts'
import type { PageTools, PromptTools } from './content-tools.ts'
import type { GoOns } from './go-on.ts'
import type { LearnedPins } from './learned-pins.ts'
import type { Origins } from './origin.ts'
import type { Spools } from './spool.ts'
import type { WebAccess } from './web-access.ts'
import type { WebLanes } from './web-lanes.ts'

export type OutboundParts = {
  readonly context: ExchangeContext
  readonly access: WebAccess
  readonly origins: Origins
  readonly lanes: WebLanes
  readonly goOns: GoOns
  readonly spools: Spools
  /** null: policies that ask for inspection get the verdict `unscannable`. */
  readonly inspector: Inspector | null
  /** undefined: requests to chat services are not told from others. */
  readonly prompts: PromptTools | undefined
  /** undefined: policies that ask for pages to be judged get none. */
  readonly pages: PageTools | undefined
  readonly pins: LearnedPins
  readonly clientCertificateSites: ClientCertificateSites
}
