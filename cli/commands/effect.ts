// Says whether a change is in force everywhere, in one line; never claims more than the receipts show.
import type { Effect } from '#core/api/views.ts'

export function effectLine(effect: Effect): string {
  const cut = effect.receipts.reduce((sum, receipt) => sum + receipt.cutFlows, 0)
  const told = effect.receipts.length
  const there = `In force at ${told} exchange${told === 1 ? '' : 's'}; ${cut} live flow${cut === 1 ? '' : 's'} cut.`
  return effect.missing.length === 0 ? there : `${there} NOT confirmed by: ${effect.missing.join(', ')}.`
}
