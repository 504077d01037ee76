// What the command palette offers: pages and acts known here, and names that the server finds. Pure apart from the asking.
import type { Reply } from '#console/api/client.ts'
import { text } from '#console/messages/text.ts'
import type { IconName } from './icon.tsx'
import { placesFor } from './navigation.ts'

export type Entry = {
  readonly id: string
  readonly icon: IconName
  readonly label: string
  readonly hint?: string
  readonly keys?: readonly string[]
  readonly run:
    | {
        readonly kind: 'go'
        readonly to: string
        readonly params?: Readonly<Record<string, string>>
        readonly search?: Readonly<Record<string, string>>
      }
    | { readonly kind: 'do'; readonly act: string }
}
export type EntryGroup = { readonly head: string; readonly entries: readonly Entry[] }

type Found = Reply<'listResources'>['items'] | undefined

/** Each word must begin a word of the label, or the label must contain the whole: `li fl` finds "Live flows". */
export function matches(label: string, typed: string): boolean {
  const has = label.toLowerCase()
  const wanted = typed.trim().toLowerCase()
  if (wanted === '' || has.includes(wanted)) return true
  const starts = has.split(/[^\p{L}\p{N}]+/u)
  return wanted.split(/\s+/).every((part) => starts.some((start) => start.startsWith(part)))
}

const words = text.palette

function acts(mayChange: boolean): readonly Entry[] {
  const go = (id: string, icon: IconName, label: string, to: string, search?: Record<string, string>): Entry => ({
    id,
    icon,
    label,
    run: { kind: 'go', to, ...(search && { search }) },
  })
  const act = (id: string, icon: IconName, label: string): Entry => ({ id, icon, label, run: { kind: 'do', act: id } })
  return [
    ...(mayChange
      ? [
          go('publish', 'plus', words.publish, '/t/$tenant/publish'),
          go('add-person', 'plus', words.addPerson, '/t/$tenant/people', { act: 'add' }),
          go('write-policy', 'plus', words.writePolicy, '/t/$tenant/new-policy'),
          go('enrol', 'plus', words.enrolConnector, '/t/$tenant/connectors', { act: 'enrol' }),
          go('approve', 'check', words.approve, '/t/$tenant/third-parties'),
        ]
      : []),
    go('explain-act', 'explain', words.explain, '/t/$tenant/explain'),
    go('denials', 'events', words.denials, '/t/$tenant/events', { outcome: 'failure' }),
    act('light', 'settings', words.light),
    act('dark', 'settings', words.dark),
    act('system', 'settings', words.system),
    act('language', 'settings', words.language),
    { ...act('help', 'explain', words.help), keys: ['?'] },
    act('sign-out', 'out', words.signOut),
  ]
}

export function paletteEntries(
  typed: string,
  who: { readonly roles: readonly string[]; readonly mayChange: boolean },
  found: { readonly people: Found; readonly apps: Found; readonly policies: Found },
): readonly EntryGroup[] {
  const wanted = typed.trim()
  const pages = placesFor(who.roles)
    .flatMap(({ places }) => places)
    .filter(({ label }) => matches(label, wanted))
    .map(({ icon, label, to, key }): Entry => ({
      id: `page ${to}`,
      icon,
      label,
      ...(key !== undefined && { keys: ['g', key] }),
      run: { kind: 'go', to },
    }))
  const named = (items: Found, icon: IconName, to: string) =>
    (wanted === '' ? [] : (items ?? [])).map((item): Entry => {
      const title = item.spec['displayName']
      return {
        id: `${to} ${item.name}`,
        icon,
        label: typeof title === 'string' && title !== '' ? title : item.name,
        hint: item.name,
        run: { kind: 'go', to, params: { name: item.name } },
      }
    })
  const groups = [
    { head: words.people, entries: named(found.people, 'people', '/t/$tenant/people/$name') },
    { head: words.apps, entries: named(found.apps, 'apps', '/t/$tenant/apps/$name') },
    { head: words.policies, entries: named(found.policies, 'policies', '/t/$tenant/policies/$name') },
    { head: words.pages, entries: pages },
    { head: words.acts, entries: acts(who.mayChange).filter(({ label }) => matches(label, wanted)) },
    ...(wanted === ''
      ? []
      : [
          {
            head: text.nav.events,
            entries: [
              {
                id: 'search-events',
                icon: 'events' as const,
                label: words.searchEvents(wanted),
                run: { kind: 'go' as const, to: '/t/$tenant/events', search: { search: wanted } },
              },
            ],
          },
        ]),
  ]
  // With nothing typed the pages come first: it is a way to move; with words, names do.
  return (wanted === '' ? [groups[3], groups[4]] : groups).flatMap((group) =>
    group !== undefined && group.entries.length > 0 ? [group] : [],
  )
}
