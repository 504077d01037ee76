// What is done for connector links every so often: sockets topped up, ended certificates cut, control told. Must never
// throw into the timer: what goes wrong for one tenant's links would end every tenant's exchange.
import { asFault, Fault } from '#core/fault.ts'
import { caps } from '#exchange/caps.ts'
import type { Log } from '#exchange/context.ts'
import type { ConnectedReport, ConnectorLinks } from './connector-links.ts'

export type UpkeepDeps = {
  readonly links: ConnectorLinks
  readonly tell: (report: ConnectedReport) => unknown
  readonly now: () => number
  readonly log: Log
}

export type Upkeep = { readonly tick: () => void; readonly close: () => void }

const TICKS_PER_FULL_REPORT = 5

export function startUpkeep({ links, tell, now, log }: UpkeepDeps): Upkeep {
  let ticks = 0
  const timer = setInterval(tick, caps.connectorReportMs.default)
  timer.unref()
  return { tick, close: () => clearInterval(timer) }

  function tick(): void {
    for (const link of links) {
      alone(link.tenantId, () => {
        // A link does not outlive its certificate: the connector comes back with a newer one.
        if (link.notAfterMs <= now()) link.destroy(new Fault('certificate-refused'))
        else link.topUp()
      })
    }
    if (++ticks % TICKS_PER_FULL_REPORT === 0) links.reportAll()
    for (const report of links.takeReports()) alone(report.tenantId, () => tell(report))
  }

  function alone(tenantId: string, act: () => unknown): void {
    try {
      act()
    } catch (error) {
      log('upkeep of links failed', { tenantId, code: asFault(error).code, error: String(error) })
    }
  }
}
