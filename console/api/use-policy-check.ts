// The text of a policy checked in place, after a pause in typing: what is wrong where. Asks a route that changes nothing
// and records nothing; must never be taken for the check that saving does.
import { useEffect, useState } from 'react'
import { caps } from '#console/caps.ts'
import { ApiFault, placeOf, type Place } from './api-fault.ts'
import { call } from './client.ts'

export type CheckedFault = Place & { readonly message: string; readonly kind: 'error' | 'warning' }
export type PolicyCheck = {
  readonly state: 'checking' | 'checked' | 'unknown'
  readonly faults: readonly CheckedFault[]
}

export function usePolicyCheck(tenant: string, name: string, text: string): PolicyCheck {
  const [check, setCheck] = useState<PolicyCheck>({ state: 'checking', faults: [] })
  useEffect(() => {
    const gone = new AbortController()
    setCheck(({ faults }) => ({ state: 'checking', faults }))
    const timer = setTimeout(() => {
      const documents = [{ kind: 'Policy', name: name === '' ? 'draft' : name, spec: { text } }]
      call('testPolicies', { params: { tenant }, body: { documents } }, gone.signal).then(
        ({ warnings }) =>
          setCheck({
            state: 'checked',
            faults: warnings
              .filter(({ document }) => document.includes(name === '' ? 'draft' : name))
              .map(({ message }) => ({
                ...(placeOf(message) ?? { line: 1, column: null }),
                message,
                kind: 'warning',
              })),
          }),
        (error: unknown) => {
          if (!gone.signal.aborted) setCheck(faultsOf(error))
        },
      )
    }, caps.policyCheckPauseMs)
    return () => {
      clearTimeout(timer)
      gone.abort()
    }
  }, [tenant, name, text])
  return check
}

function faultsOf(error: unknown): PolicyCheck {
  if (!(error instanceof ApiFault) || error.status < 400 || error.status >= 500) return { state: 'unknown', faults: [] }
  const placed = error.faults.length > 0 ? error.faults.map(({ message }) => message) : [error.message]
  return {
    state: 'checked',
    faults: placed.flatMap((message) => {
      const place = placeOf(message)
      // The place is shown beside it.
      const words = message.replace(/^line \d+(?:, column \d+)?: /i, '')
      return place === null ? [] : [{ ...place, message: words, kind: 'error' as const }]
    }),
  }
}
