// What a change did: which exchanges answered and how many flows each cut, and who has not answered.
// Must never say that something is in force where no receipt says so.
import type { ReactNode } from 'react'
import type { Effect } from '#core/api/views.ts'
import { text } from '#console/messages/text.ts'
import { Moment } from './moment.tsx'
import { Note } from './state.tsx'

export function EffectReport({ effect }: { readonly effect: Effect }): ReactNode {
  const all = effect.receipts.length + effect.missing.length
  const cut = effect.receipts.reduce((sum, receipt) => sum + receipt.cutFlows, 0)
  return (
    <div className="stack" data-effect={effect.missing.length === 0 ? 'complete' : 'partial'}>
      {all === 0 ? (
        <Note live>{text.effect.nobody}</Note>
      ) : (
        <Note kind={effect.missing.length === 0 ? 'allow' : 'warn'} live>
          {text.effect.confirmed(effect.receipts.length, all)}, {text.effect.cut(cut)}.
        </Note>
      )}
      {effect.receipts.length > 0 && (
        <ul className="receipts small">
          {effect.receipts.map((receipt) => (
            <li key={receipt.exchangeId}>
              <span className="mono ellipsis">{receipt.exchangeId}</span>
              <span className="nowrap">
                {text.effect.receipt(receipt.cutFlows)} · <Moment at={receipt.at} form="clock" />
              </span>
            </li>
          ))}
        </ul>
      )}
      {effect.missing.length > 0 && (
        <div className="small">
          <div className="strong">{text.effect.missing}</div>
          <div className="mono">{effect.missing.join(', ')}</div>
          <p className="second">{text.effect.missingLead}</p>
        </div>
      )}
    </div>
  )
}
