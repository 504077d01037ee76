// Asked when nobody is signed in and no tenant is known, or when signing in did not help: the way to sign-in.
import { useEffect, useState, type FormEvent, type ReactNode } from 'react'
import { isTenantName, leaveForSignIn, likelyTenant } from '#console/api/sign-in.ts'
import { text } from '#console/messages/text.ts'
import { Button } from './button.tsx'
import { TextField } from './field.tsx'
import { Mark } from './icon.tsx'
import { Note } from './state.tsx'

export function TenantQuestion(): ReactNode {
  const known = likelyTenant()
  const [tenant, setTenant] = useState(known ?? '')
  const [error, setError] = useState<string | null>(null)
  useEffect(() => {
    document.title = text.signIn.title
  }, [])
  const go = (event: FormEvent) => {
    event.preventDefault()
    const name = tenant.trim().toLowerCase()
    if (isTenantName(name)) leaveForSignIn(name)
    else setError(text.signIn.invalid)
  }
  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={go}>
        <Mark size={40} />
        <div className="stack">
          <h1>{text.signIn.title}</h1>
          <p className="second">{text.signIn.lead}</p>
        </div>
        {known !== null && <Note kind="warn">{text.signIn.again}</Note>}
        <TextField
          label={text.signIn.tenant}
          hint={text.signIn.hint}
          error={error}
          value={tenant}
          onText={setTenant}
          autoFocus
          maxLength={40}
          autoComplete="organization"
        />
        <Button type="submit" look="main">
          {text.signIn.go}
        </Button>
      </form>
    </main>
  )
}
