// English for the codes in events: operations of the API and reasons of denials, as a person would say them.

const words: Readonly<Record<string, string>> = { Api: 'API', My: 'own', put: 'Set', Explain: 'explain' }

/** `putAdministrator` → `Set administrator`; what is not in camel case stays as it is. */
export function operationInWords(operation: string): string {
  const parts = operation.split(/(?=[A-Z])/)
  const said = parts.map((part, at) => words[part] ?? (at === 0 ? part : part.toLowerCase())).join(' ')
  return said.charAt(0).toUpperCase() + said.slice(1)
}

const reasons: Readonly<Record<string, string>> = {
  'tenant-suspended': 'The tenant is suspended.',
  'user-disabled': 'The user is disabled.',
  'session-ended': 'The session was ended.',
  'session-expired': 'The session expired.',
  'device-revoked': 'The device was revoked.',
  'device-required': 'The app needs an enrolled device.',
  contained: 'The person, device, app or organisation is contained.',
  'outside-contract': 'The contract of the organisation has not begun or is over.',
  'app-not-in-contract': 'The app is not in the contract of the organisation.',
  'app-disabled': 'The app is switched off.',
  'app-unknown': 'There is no such app.',
  'snapshot-stale': 'The exchange had been without control for too long to decide.',
  'path-not-allowed': 'The path or the method is not open.',
  'no-policy': 'No policy allows it.',
  forbidden: 'A policy forbids it.',
  'journal-full': 'The event could not be written, and the tenant requires it.',
  'no-connector': 'No connector for the app was connected.',
  'upstream-unreachable': 'The connector could not reach the app.',
  'upstream-timeout': 'The app did not answer in time.',
  'upstream-malformed': 'The app sent an answer that could not be read.',
  'destination-refused': 'The address or port is not open.',
  'certificate-untrusted': 'The site could not prove who it is.',
  'content-refused': 'The content was stopped.',
  'reason-needed': 'The person has to give a reason first.',
}

/** A sentence for the code, or the code itself when it is a new one. */
export function reasonsInWords(code: string): string {
  return reasons[code] ?? code
}
