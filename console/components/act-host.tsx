// Holds the one confirmation that may be open, outside the rows that ask for it: a session that ends leaves its list,
// but its receipts must stay on the screen until they were read.
import { createContext, useContext, useRef, useState, type ReactNode } from 'react'
import type { Effect } from '#core/api/views.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { EffectReport } from './effect-report.tsx'
import { useNotice } from './notice.tsx'
import { FaultNote } from './state.tsx'

export type Act = {
  readonly label: string
  readonly title: string
  readonly body: ReactNode
  readonly doLook?: 'main' | 'danger'
  /** Fields to fill in; they keep their own state, as the caller may be gone by then. */
  readonly children?: ReactNode
  /** Does it; an effect that comes back is shown, anything else closes the dialog. */
  readonly act: () => Promise<Effect | void>
  readonly doneTitle?: string
  /** What to say at the foot of the page when it is done and there are no receipts to read. */
  readonly doneWords?: string
  /** Takes it back; offered for a few seconds beside `doneWords`. */
  readonly undo?: () => Promise<unknown>
}

type State =
  | { readonly kind: 'asking'; readonly error: unknown }
  | { readonly kind: 'working' }
  | { readonly kind: 'done'; readonly effect: Effect }

const ActContext = createContext<(act: Act) => void>(() => undefined)

export function useAct(): (act: Act) => void {
  return useContext(ActContext)
}

export function ActHost({ children }: { readonly children: ReactNode }): ReactNode {
  const [act, setAct] = useState<Act | null>(null)
  const [isOpen, setOpen] = useState(false)
  const [state, setState] = useState<State>({ kind: 'asking', error: null })
  const notice = useNotice()
  const openedBy = useRef<Element | null>(null)
  const open = (next: Act) => {
    openedBy.current = document.activeElement
    setAct(next)
    setState({ kind: 'asking', error: null })
    setOpen(true)
  }
  const close = () => setOpen(false)
  const run = async () => {
    if (!act) return
    setState({ kind: 'working' })
    try {
      const effect = await act.act()
      if (effect) return setState({ kind: 'done', effect })
      close()
      if (act.doneWords !== undefined) notice({ words: act.doneWords, undo: act.undo })
    } catch (error) {
      setState({ kind: 'asking', error })
    }
  }
  // The button that opened it may be gone with its row: then the page's content takes the focus.
  const focusAfter = () => {
    const opener = openedBy.current
    return opener instanceof HTMLElement && opener.isConnected ? opener : document.getElementById('content')
  }
  const isDone = state.kind === 'done'
  return (
    <ActContext value={open}>
      {children}
      <Dialog
        open={isOpen}
        onClose={close}
        canClose={state.kind !== 'working'}
        focusAfter={focusAfter}
        title={(isDone ? act?.doneTitle : undefined) ?? act?.title ?? ''}
        lead={isDone ? undefined : act?.body}
      >
        {!isDone && act?.children}
        {isDone && <EffectReport effect={state.effect} />}
        {state.kind === 'asking' && <FaultNote error={state.error} />}
        <div className="dialog-acts">
          {isDone ? (
            <Button key="close" look="main" onClick={close} autoFocus>
              {text.action.close}
            </Button>
          ) : (
            <>
              <Button key="cancel" onClick={close} disabled={state.kind === 'working'}>
                {text.action.cancel}
              </Button>
              <Button
                key="do"
                look={act?.doLook ?? 'danger'}
                busy={state.kind === 'working'}
                onClick={() => void run()}
              >
                {state.kind === 'working' ? text.action.working : act?.label}
              </Button>
            </>
          )}
        </div>
      </Dialog>
    </ActContext>
  )
}
