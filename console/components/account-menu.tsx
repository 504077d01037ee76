// Whose session this is, in which colours and language, and the way out.
import { Menu } from '@base-ui/react/menu'
import { useState, type ReactNode } from 'react'
import { chooseLanguage, language, languages } from '#console/messages/language.ts'
import { text } from '#console/messages/text.ts'
import { Icon } from './icon.tsx'
import { Moment } from './moment.tsx'
import { chooseScheme, schemeNow, schemes } from './scheme.ts'
import { useMe } from './who.ts'

export function AccountMenu(): ReactNode {
  const me = useMe()
  const [scheme, setScheme] = useState(schemeNow)
  const name = me.displayName || me.user
  const role = me.roles[0]
  return (
    <Menu.Root>
      <Menu.Trigger className="top-button account-button">
        <span className="initial" aria-hidden="true">
          {Array.from(name)[0]}
        </span>
        <span className="top-word ellipsis">{name}</span>
        <span className="hidden-text">{text.account.label}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className="menu-place" sideOffset={6} align="end">
          <Menu.Popup className="menu">
            <div className="menu-facts">
              <span className="strong">{me.user}</span>
              <span className="small quiet">{role ? text.account.roles[role] : text.account.noRole}</span>
              <span className="small quiet">
                {text.account.until} <Moment at={me.expiresAt} form="day-time" />
              </span>
            </div>
            <Choices
              head={text.account.scheme}
              value={scheme}
              entries={schemes.map((entry) => [entry, text.account.schemes[entry]])}
              onChoose={(value) => {
                const chosen = schemes.find((entry) => entry === value) ?? 'system'
                chooseScheme(chosen)
                setScheme(chosen)
              }}
            />
            <Choices
              head={text.account.language}
              value={language}
              entries={languages.map((entry) => [entry, text.account.languages[entry]])}
              onChoose={(value) => {
                const chosen = languages.find((entry) => entry === value)
                if (chosen && chosen !== language) chooseLanguage(chosen)
              }}
            />
            <form method="post" action="/auth/sign-out" className="menu-end">
              <Menu.Item className="menu-item" render={<button type="submit" />} nativeButton closeOnClick={false}>
                <span className="menu-check" />
                {text.account.signOut}
              </Menu.Item>
            </form>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  )
}

function Choices({
  head,
  value,
  entries,
  onChoose,
}: {
  readonly head: string
  readonly value: string
  readonly entries: readonly (readonly [value: string, label: string])[]
  readonly onChoose: (value: unknown) => void
}): ReactNode {
  return (
    <Menu.RadioGroup value={value} onValueChange={onChoose}>
      <Menu.Group>
        <Menu.GroupLabel className="menu-head">{head}</Menu.GroupLabel>
        {entries.map(([entry, label]) => (
          <Menu.RadioItem key={entry} value={entry} className="menu-item">
            <span className="menu-check">
              <Menu.RadioItemIndicator>
                <Icon name="check" size={14} />
              </Menu.RadioItemIndicator>
            </span>
            {label}
          </Menu.RadioItem>
        ))}
      </Menu.Group>
    </Menu.RadioGroup>
  )
}
