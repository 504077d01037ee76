// A page whose subject has not been read yet, or could not be: its title and the way to try again.
import type { ReactNode } from 'react'
import { Page } from './page.tsx'
import { Failed } from './state.tsx'

type Props = {
  readonly title: string
  readonly crumb: ReactNode
  readonly found: { readonly isError: boolean; readonly error: unknown; readonly refetch: () => Promise<unknown> }
}

export function UnreadPage({ title, crumb, found }: Props): ReactNode {
  return (
    <Page title={title} crumb={crumb}>
      {found.isError && <Failed error={found.error} onRetry={() => void found.refetch()} />}
    </Page>
  )
}
