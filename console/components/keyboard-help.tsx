// What the keyboard can do, opened with `?`.
import type { ReactNode } from 'react'
import { text } from '#console/messages/text.ts'
import { Dialog } from './dialog.tsx'
import { Icon } from './icon.tsx'
import { placesFor } from './navigation.ts'
import { useMe } from './who.ts'

export function KeyboardHelp({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }): ReactNode {
  const me = useMe()
  const places = placesFor(me.roles).flatMap((group) => group.places)
  return (
    <Dialog open={open} onClose={onClose} title={text.keyboard.title} wide>
      <div className="keys">
        <section className="stack">
          <h3>{text.keyboard.anywhere}</h3>
          <dl>
            <Row keys={['Ctrl', 'K']}>{text.keyboard.palette}</Row>
            <Row keys={['/']}>{text.keyboard.search}</Row>
            <Row keys={['?']}>{text.keyboard.helpKey}</Row>
            <Row keys={['Esc']}>{text.keyboard.close}</Row>
          </dl>
          <h3>{text.keyboard.lists}</h3>
          <dl>
            <Row keys={['j']}>{text.keyboard.next}</Row>
            <Row keys={['k']}>{text.keyboard.previous}</Row>
            <Row keys={['Enter']}>{text.keyboard.open}</Row>
          </dl>
        </section>
        <section className="stack">
          <h3>{text.keyboard.goTo}</h3>
          <dl>
            {places.map(
              ({ key, icon, label, to }) =>
                key !== undefined && (
                  <Row key={to} keys={['g', key]}>
                    <Icon name={icon} size={14} /> {label}
                  </Row>
                ),
            )}
          </dl>
        </section>
      </div>
    </Dialog>
  )
}

function Row({ keys, children }: { readonly keys: readonly string[]; readonly children: ReactNode }): ReactNode {
  return (
    <div className="keys-row">
      <dt>
        {keys.map((key) => (
          <kbd key={key}>{key}</kbd>
        ))}
      </dt>
      <dd>{children}</dd>
    </div>
  )
}
