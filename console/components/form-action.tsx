// A button that opens a form in a dialog; the form's result may be something to show once.
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import { text } from '#console/messages/text.ts'
import { Button, type ButtonLook } from './button.tsx'
import { Dialog } from './dialog.tsx'
import { FaultNote } from './state.tsx'

type Props = {
  readonly label: ReactNode
  readonly look?: ButtonLook
  readonly inRow?: boolean
  readonly title: string
  readonly lead?: ReactNode
  readonly submit: string
  readonly submitLook?: 'main' | 'danger'
  readonly disabled?: boolean
  /** The fields. */
  readonly children: ReactNode
  /** Sends it; what comes back is shown in place of the form, nothing closes the dialog. */
  readonly act: () => Promise<{ readonly title: string; readonly content: ReactNode } | void>
  readonly onClosed?: () => void
  /** Opens by `?act=` with this word: what the command palette and links lead to. */
  readonly opensBy?: string
}

type State =
  | { readonly kind: 'form'; readonly busy: boolean; readonly error: unknown }
  | { readonly kind: 'result'; readonly title: string; readonly content: ReactNode }

export function FormAction(props: Props): ReactNode {
  const [isOpen, setOpen] = useState(false)
  const [state, setState] = useState<State>({ kind: 'form', busy: false, error: null })
  const { act: wanted }: { act?: string | undefined } = useSearch({ strict: false })
  const navigate = useNavigate()
  const isAsked = props.opensBy !== undefined && wanted === props.opensBy
  useEffect(() => {
    if (isAsked) setOpen(true)
  }, [isAsked])
  const close = () => {
    setOpen(false)
    if (isAsked) void navigate({ to: '.', search: (before: object) => ({ ...before, act: undefined }), replace: true })
    props.onClosed?.()
  }
  const send = async (event: FormEvent) => {
    event.preventDefault()
    setState({ kind: 'form', busy: true, error: null })
    try {
      const result = await props.act()
      if (result) setState({ kind: 'result', ...result })
      else close()
    } catch (error) {
      setState({ kind: 'form', busy: false, error })
    }
  }
  const busy = state.kind === 'form' && state.busy
  return (
    <>
      <Button
        look={props.look ?? 'plain'}
        inRow={props.inRow ?? false}
        disabled={props.disabled ?? false}
        onClick={() => {
          setState({ kind: 'form', busy: false, error: null })
          setOpen(true)
        }}
      >
        {props.label}
      </Button>
      <Dialog
        open={isOpen}
        onClose={close}
        canClose={!busy}
        wide
        title={state.kind === 'result' ? state.title : props.title}
        lead={state.kind === 'result' ? undefined : props.lead}
      >
        {state.kind === 'result' ? (
          <>
            {state.content}
            <div className="dialog-acts">
              <Button look="main" onClick={close}>
                {text.action.done}
              </Button>
            </div>
          </>
        ) : (
          <form className="stack-wide" onSubmit={(event) => void send(event)}>
            {props.children}
            <FaultNote error={state.error} />
            <div className="dialog-acts">
              <Button onClick={close} disabled={busy}>
                {text.action.cancel}
              </Button>
              <Button type="submit" look={props.submitLook ?? 'main'} busy={busy}>
                {props.submit}
              </Button>
            </div>
          </form>
        )}
      </Dialog>
    </>
  )
}
