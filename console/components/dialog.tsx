// A dialog: focus goes in, stays in, and comes back. On a phone it rises from the bottom edge.
import { Dialog as Base } from '@base-ui/react/dialog'
import type { ReactNode } from 'react'

type Props = {
  readonly open: boolean
  readonly onClose: () => void
  readonly title: string
  readonly lead?: ReactNode
  readonly wide?: boolean
  /** False while something runs that must be seen through. */
  readonly canClose?: boolean
  /** Where the focus goes when it closes; default: where it came from. */
  readonly focusAfter?: () => HTMLElement | null
  readonly children: ReactNode
}

export function Dialog({
  open,
  onClose,
  title,
  lead,
  wide = false,
  canClose = true,
  focusAfter,
  children,
}: Props): ReactNode {
  return (
    <Base.Root
      open={open}
      onOpenChange={(next) => {
        if (!next && canClose) onClose()
      }}
    >
      <Base.Portal>
        <Base.Backdrop className="veil" />
        <Base.Popup
          className={`dialog${wide ? ' dialog-wide' : ''}`}
          {...(focusAfter && { finalFocus: () => moveFocus(focusAfter()) })}
        >
          <div className="stack">
            <Base.Title className="dialog-title">{title}</Base.Title>
            {lead && <Base.Description className="dialog-body">{lead}</Base.Description>}
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

/** Moves the focus itself, because the library would look for something tabbable inside. */
function moveFocus(target: HTMLElement | null): boolean {
  target?.focus({ preventScroll: true })
  return target === null
}
