// The header: the palette's field, health, help, account; on a phone also the menu and whose console this is.
import { Dialog as Base } from '@base-ui/react/dialog'
import { lazy, Suspense, useCallback, useState, type ReactNode } from 'react'
import { text } from '#console/messages/text.ts'
import { AccountMenu } from './account-menu.tsx'
import { HealthLight } from './health-light.tsx'
import { Icon } from './icon.tsx'
import { useKeyboard } from './keyboard.ts'
import { Brand, Side } from './side.tsx'
import { useMe, type Me } from './who.ts'

const Palette = lazy(async () => ({ default: (await import('./palette.tsx')).Palette }))
const KeyboardHelp = lazy(async () => ({ default: (await import('./keyboard-help.tsx')).KeyboardHelp }))

type Open = 'nothing' | 'palette' | 'help'

export function TopBar(): ReactNode {
  const me = useMe()
  // Loaded at the first use, and kept from then on, so that they can close as they open.
  const [open, setOpen] = useState<Open>('nothing')
  const [used, setUsed] = useState<ReadonlySet<Open>>(new Set())
  const show = useCallback((what: Open) => {
    setUsed((before) => new Set([...before, what]))
    setOpen(what)
  }, [])
  const openPalette = useCallback(() => show('palette'), [show])
  const openHelp = useCallback(() => show('help'), [show])
  const close = useCallback(() => setOpen('nothing'), [])
  useKeyboard({ openPalette, openHelp })
  return (
    <header className="top">
      <PhoneMenu me={me} />
      <button type="button" className="top-search" onClick={openPalette} aria-keyshortcuts="Control+K Meta+K">
        <Icon name="search" />
        <span className="top-search-words">{text.palette.open}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <div className="top-end">
        {me.roles.length > 0 && <HealthLight />}
        <button
          type="button"
          className="top-button top-help"
          aria-label={text.keyboard.help}
          title={`${text.keyboard.help} (?)`}
          onClick={openHelp}
        >
          <Icon name="keyboard" />
        </button>
        <AccountMenu />
      </div>
      <Suspense fallback={null}>
        {used.has('palette') && <Palette open={open === 'palette'} onClose={close} openHelp={openHelp} />}
        {used.has('help') && <KeyboardHelp open={open === 'help'} onClose={close} />}
      </Suspense>
    </header>
  )
}

function PhoneMenu({ me }: { readonly me: Me }): ReactNode {
  const [isOpen, setOpen] = useState(false)
  return (
    <div className="top-phone">
      <Base.Root open={isOpen} onOpenChange={setOpen}>
        <Base.Trigger className="button button-icon" aria-label={text.nav.menu}>
          <Icon name="menu" size={20} />
        </Base.Trigger>
        <Base.Portal>
          <Base.Backdrop className="veil" />
          <Base.Popup className="drawer" aria-label={text.nav.menu}>
            <nav className="side" aria-label={text.nav.label}>
              <Side me={me} onGo={() => setOpen(false)} />
            </nav>
          </Base.Popup>
        </Base.Portal>
      </Base.Root>
      <Brand me={me} />
    </div>
  )
}
