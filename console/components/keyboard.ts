// Keys that work on every page. Must never take a key from somebody who is typing, nor from a dialog that is open.
import { useNavigate } from '@tanstack/react-router'
import { useEffect } from 'react'
import { caps } from '#console/caps.ts'
import { placesFor } from './navigation.ts'
import { useMe } from './who.ts'

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && /^(checkbox|radio|button)$/.test(target.type))
  )
}

const isDialogOpen = () => document.querySelector('[role="dialog"], [role="menu"]') !== null

/** Moves along the links of a list's rows; true when there was one to move to. */
function moveInList(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>('#content .table a.row-link')]
  if (rows.length === 0) return false
  const at = rows.findIndex((row) => row === document.activeElement)
  const next = rows[at < 0 ? (step === 1 ? 0 : rows.length - 1) : at + step]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
  return next !== undefined
}

export function useKeyboard(deps: { readonly openPalette: () => void; readonly openHelp: () => void }): void {
  const navigate = useNavigate()
  const me = useMe()
  const { openPalette, openHelp } = deps
  useEffect(() => {
    let goUntilMs = 0
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
        event.preventDefault()
        return openPalette()
      }
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      if (isTyping(event.target) || isDialogOpen()) return
      if (goUntilMs > event.timeStamp) {
        goUntilMs = 0
        const place = placesFor(me.roles)
          .flatMap(({ places }) => places)
          .find(({ key }) => key === event.key)
        if (!place) return
        event.preventDefault()
        return void navigate({ to: place.to, params: { tenant: me.tenant } })
      }
      const act = { g: () => (goUntilMs = event.timeStamp + caps.goKeyMs), '?': openHelp, '/': focusSearch }[event.key]
      if (act) {
        event.preventDefault()
        act()
      } else if ((event.key === 'j' && moveInList(1)) || (event.key === 'k' && moveInList(-1))) event.preventDefault()
    }
    const focusSearch = () => {
      const field = document.querySelector<HTMLInputElement>('#content input[type="search"]')
      if (field) field.focus()
      else openPalette()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [me, navigate, openPalette, openHelp])
}
