// The command palette (Ctrl-K): pages, acts, and people, apps and policies by name, with the keyboard alone.
import { Dialog as Base } from '@base-ui/react/dialog'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { signOut } from '#console/api/sign-in.ts'
import { useRoute } from '#console/api/use-route.ts'
import { caps } from '#console/caps.ts'
import { chooseLanguage, language } from '#console/messages/language.ts'
import { text } from '#console/messages/text.ts'
import { Icon } from './icon.tsx'
import { paletteEntries, type Entry } from './palette-entries.ts'
import { chooseScheme } from './scheme.ts'
import { useMayChange, useMe } from './who.ts'

type Props = { readonly open: boolean; readonly onClose: () => void; readonly openHelp: () => void }

export function Palette({ open, onClose, openHelp }: Props): ReactNode {
  return (
    <Base.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="veil" />
        <Base.Popup className="dialog palette" aria-label={text.palette.label}>
          <Finder onClose={onClose} openHelp={openHelp} />
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  )
}

function useNames(plural: 'users' | 'apps' | 'policies', typed: string) {
  const { tenant } = useMe()
  return useRoute(
    'listResources',
    { params: { tenant, plural }, query: { limit: caps.paletteNames, search: typed } },
    { enabled: typed !== '', keep: typed !== '' },
  )
}

function Finder({ onClose, openHelp }: Omit<Props, 'open'>): ReactNode {
  const me = useMe()
  const mayChange = useMayChange()
  const navigate = useNavigate()
  const id = useId()
  const list = useRef<HTMLDivElement>(null)
  const [typed, setTyped] = useState('')
  const [asked, setAsked] = useState('')
  const [at, setAt] = useState(0)
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed.trim().slice(0, caps.searchCharacters)), caps.palettePauseMs)
    return () => clearTimeout(timer)
  }, [typed])
  const people = useNames('users', asked)
  const apps = useNames('apps', asked)
  const policies = useNames('policies', asked)
  const isSearching = typed.trim() !== asked || people.isFetching || apps.isFetching
  const groups = paletteEntries(
    typed,
    { roles: me.roles, mayChange },
    { people: people.data?.items, apps: apps.data?.items, policies: policies.data?.items },
  )
  const flat = groups.flatMap(({ entries }) => entries)
  const chosen = Math.min(at, Math.max(0, flat.length - 1))
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' })
  })
  const run = (entry: Entry) => {
    onClose()
    if (entry.run.kind === 'go') {
      const { to, params, search } = entry.run
      return void navigate({ to, params: { tenant: me.tenant, ...params }, search: search ?? {} })
    }
    const { act } = entry.run
    if (act === 'light' || act === 'dark' || act === 'system') chooseScheme(act)
    else if (act === 'language') chooseLanguage(language === 'en' ? 'de' : 'en')
    else if (act === 'help') openHelp()
    else signOut()
  }
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key]
    const [only] = flat.slice(chosen, chosen + 1)
    if (step !== undefined && flat.length > 0)
      setAt(
        Math.abs(step) === 1
          ? (chosen + step + flat.length) % flat.length
          : Math.max(0, Math.min(flat.length - 1, chosen + step)),
      )
    else if (event.key === 'Enter' && only && !event.nativeEvent.isComposing) run(only)
    else return
    event.preventDefault()
  }
  let index = -1
  return (
    <>
      <div className="palette-field">
        <Icon name="search" />
        <input
          autoFocus
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-activedescendant={flat.length > 0 ? `${id}-${chosen}` : undefined}
          aria-autocomplete="list"
          aria-label={text.palette.placeholder}
          placeholder={text.palette.placeholder}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="none"
          maxLength={caps.searchCharacters}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value)
            setAt(0)
          }}
          onKeyDown={onKey}
        />
        <kbd>Esc</kbd>
      </div>
      <div className="palette-list" role="listbox" id={`${id}-list`} aria-label={text.palette.label} ref={list}>
        {groups.map(({ head, entries }) => (
          <div role="group" aria-label={head} key={head}>
            <div className="menu-head" aria-hidden="true">
              {head}
            </div>
            {entries.map((entry) => {
              index++
              const here = index
              return (
                <div
                  key={entry.id}
                  id={`${id}-${here}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={here === chosen}
                  className="palette-entry"
                  onPointerMove={() => setAt(here)}
                  onClick={() => run(entry)}
                >
                  <Icon name={entry.icon} />
                  <span className="ellipsis">{entry.label}</span>
                  {entry.hint !== undefined && entry.hint !== entry.label && (
                    <span className="quiet ellipsis mono">{entry.hint}</span>
                  )}
                  {entry.keys && (
                    <span className="palette-keys" aria-hidden="true">
                      {entry.keys.map((key) => (
                        <kbd key={key}>{key}</kbd>
                      ))}
                    </span>
                  )}
                </div>
              )
            })}
          </div>
        ))}
      </div>
      <p className="palette-foot" role="status">
        {isSearching ? text.palette.searching : text.palette.found(flat.length)}
      </p>
    </>
  )
}
