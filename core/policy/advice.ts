// A decision in words: what happened, and what the person can do about it. One sentence for every reason. Must never
// name a policy's conditions by itself: how much of those an end user sees is the tenant's choice.
import type { Decision, DenyReason } from './decide.ts'

const advice: Readonly<Record<DenyReason, string>> = {
  'tenant-suspended': 'Access for your organisation is suspended; ask your administrator.',
  'user-disabled': 'Your account is disabled; ask your administrator to enable it.',
  'session-ended': 'Your session was ended; sign in again.',
  'session-expired': 'Your session is over; sign in again.',
  'device-revoked': 'This device is no longer trusted; enrol it again or use another one.',
  'device-required': 'This app needs an enrolled device; install the agent and sign in with it.',
  contained: 'Access is stopped for safety while an incident is looked into; ask your security team.',
  'proof-needed':
    'Open your portal, choose Confirm, and sign in with a passkey or a code; if that is not enough, sign out and in again.',
  restricted: 'Only reading is possible here for now, without downloads; ask your security team if you need more.',
  'outside-contract': "Your organisation's access has not begun or is over; ask your sponsor to extend it.",
  'app-not-in-contract': "This app is not part of your organisation's access; ask your sponsor to add it.",
  'app-disabled': 'This app is switched off; ask its owner when it will be back.',
  'app-unknown': 'There is no such app here, or you may not see it; check the name.',
  'snapshot-stale': 'This exchange has been without its control plane for too long to decide; try again shortly.',
  'path-not-allowed': 'This address inside the app, or this method, is not open; ask the owner of the app.',
  'no-policy': 'Nothing allows you this; request access, or meet the conditions that are listed.',
  forbidden: 'A rule of your organisation forbids this; ask your administrator if you think it should not.',
  'journal-full': 'Records cannot be written at the moment and your organisation requires them; try again shortly.',
  'no-connector': 'The app is not connected at the moment; try again shortly, or tell its owner.',
  'destination-refused': 'This address or port is not open from here; check it, or ask your administrator.',
  'certificate-untrusted': 'The site cannot prove who it is; do not enter anything there, and tell its owner.',
  'content-refused': 'What was sent or fetched was stopped; ask your security team if you need it.',
  'reason-needed': 'Open the page in a browser, read what it says, and continue there with a reason.',
}

const summaries: Readonly<Record<DenyReason, string>> = {
  'tenant-suspended': 'the tenant is suspended',
  'user-disabled': 'the user is disabled',
  'session-ended': 'the session was ended',
  'session-expired': 'the session expired',
  'device-revoked': 'the device was revoked',
  'device-required': 'a device is required',
  contained: 'contained',
  'proof-needed': 'the person has to prove again who they are',
  restricted: 'only reading is possible for now',
  'outside-contract': 'outside the contract window',
  'app-not-in-contract': 'the app is not in the contract',
  'app-disabled': 'the app is disabled',
  'app-unknown': 'no such app',
  'snapshot-stale': 'the snapshot is too old',
  'path-not-allowed': 'the path or method is not allowed',
  'no-policy': 'no policy permits it',
  forbidden: 'a policy forbids it',
  'journal-full': 'the journal cannot be written',
  'no-connector': 'no connector is available',
  'destination-refused': 'the address or port is refused',
  'certificate-untrusted': 'the certificate of the site does not verify',
  'content-refused': 'the content is refused',
  'reason-needed': 'the person has to give a reason first',
}

/** What to do, in one sentence; the empty text when allowed. */
export function adviceFor(decision: Decision): string {
  return decision.kind === 'allow' ? '' : advice[decision.reason]
}

/** What happened, in one line for logs and administrators. Reads `missing`, so it costs on a denial. */
export function describe(decision: Decision): string {
  const names = decision.policies.map(({ name, line }) => (line === null ? name : `${name} (line ${line})`)).join(', ')
  if (decision.kind === 'allow') {
    const obligations = decision.obligations.map(({ name, value }) => `${name} ${JSON.stringify(value)}`).join(', ')
    return `allowed by ${names}${obligations === '' ? '' : `, with ${obligations}`}`
  }
  const nearest = decision.missing[0]
  if (names !== '') return `denied: ${summaries[decision.reason]}: ${names}`
  if (nearest === undefined) return `denied: ${summaries[decision.reason]}`
  return `denied: ${summaries[decision.reason]}; nearest ${nearest.policy.name}: ${nearest.conditions.join('; ')}`
}
