// Search of a list: kept in the URL, sent to the server after a pause in typing.
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { caps } from '#console/caps.ts'
import { text } from '#console/messages/text.ts'

export function SearchField({
  field = 'search',
  label = text.list.search,
}: {
  readonly field?: string
  readonly label?: string
}): ReactNode {
  const search: Readonly<Record<string, string | undefined>> = useSearch({ strict: false })
  const navigate = useNavigate()
  const inAddress = search[field] ?? ''
  const [typed, setTyped] = useState(inAddress)
  useEffect(() => setTyped(inAddress), [inAddress])
  useEffect(() => {
    if (typed === inAddress) return
    const timer = setTimeout(() => {
      void navigate({
        to: '.',
        search: (before: object) => ({ ...before, after: undefined, [field]: typed === '' ? undefined : typed }),
        replace: true,
      })
    }, caps.searchPauseMs)
    return () => clearTimeout(timer)
  }, [typed, inAddress, field, navigate])
  return (
    <input
      type="search"
      className="input"
      aria-label={label}
      placeholder={label}
      spellCheck={false}
      autoComplete="off"
      maxLength={caps.searchCharacters}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}
