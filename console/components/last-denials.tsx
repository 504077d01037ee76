// The last denials of one person or of one app, with their reasons.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import { isRefusal, readEvent } from '#console/api/event-view.ts'
import { listRefresh, useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { buttonClass } from './button.tsx'
import { DenialList } from './denial-list.tsx'
import { Section } from './page.tsx'
import { useTenant } from './who.ts'

export function LastDenials({
  search,
}: {
  readonly search: { readonly user: string } | { readonly app: string }
}): ReactNode {
  const tenant = useTenant()
  const query = { ...search, outcome: 'failure' as const, limit: caps.pageRows }
  const list = useRoute('listEvents', { params: { tenant }, query }, listRefresh)
  const events = useMemo(() => list.data?.items.map(readEvent).filter(isRefusal).slice(0, caps.denialRows), [list.data])
  return (
    <Section
      title={text.risk.denials}
      acts={
        <Link
          to="/t/$tenant/events"
          params={{ tenant }}
          search={{ ...search, outcome: 'failure' }}
          className={buttonClass('text', true)}
        >
          {text.now.denialsAll}
        </Link>
      }
    >
      <DenialList events={events} error={list.error} empty={text.risk.noDenials} />
    </Section>
  )
}
