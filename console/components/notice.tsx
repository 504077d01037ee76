// What has just been done, said at the foot of the page for a few seconds, with the way to take it back where there is
// one. Must never be the only place of a failure: those stay where they happened.
import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from 'react'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'

export type Notice = { readonly words: string; readonly undo?: (() => Promise<unknown>) | undefined }

const NoticeContext = createContext<(notice: Notice) => void>(() => undefined)

export function useNotice(): (notice: Notice) => void {
  return useContext(NoticeContext)
}

export function NoticeHost({ children }: { readonly children: ReactNode }): ReactNode {
  const [notice, setNotice] = useState<Notice | null>(null)
  const [isHeld, setHeld] = useState(false)
  useEffect(() => {
    if (notice === null || isHeld) return
    const timer = setTimeout(() => setNotice(null), caps.noticeMs)
    return () => clearTimeout(timer)
  }, [notice, isHeld])
  const show = useCallback((next: Notice) => setNotice(next), [])
  const takeBack = async () => {
    if (!notice?.undo) return
    try {
      await notice.undo()
      setNotice({ words: text.notice.undone })
    } catch {
      setNotice({ words: text.notice.undoFailed })
    }
  }
  return (
    <NoticeContext value={show}>
      {children}
      <div className="notices" role="status">
        {notice && (
          <div
            className="notice"
            onPointerEnter={() => setHeld(true)}
            onPointerLeave={() => setHeld(false)}
            onFocus={() => setHeld(true)}
            onBlur={() => setHeld(false)}
          >
            <Icon name="check" />
            <span>{notice.words}</span>
            {notice.undo && (
              <Button look="text" inRow onClick={() => void takeBack()}>
                {text.notice.undo}
              </Button>
            )}
            <Button look="text" inRow aria-label={text.notice.dismiss} onClick={() => setNotice(null)}>
              <Icon name="close" size={12} />
            </Button>
          </div>
        )}
      </div>
    </NoticeContext>
  )
}
