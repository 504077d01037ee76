// Leaving for sign-in and coming back to the same page. Must never loop: a second refusal right after asks a person.
import { caps } from '#console/caps.ts'

const tenantKey = 'sallyport.tenant'
const sentKey = 'sallyport.sent'
const tenantForm = /^[a-z0-9](?:[a-z0-9]|-(?=[a-z0-9])){0,39}$/

const listeners = new Set<() => void>()
let stopped = false

/** True when sign-in was tried and did not help, or the tenant is not known: a person has to say more. */
export function signInNeedsPerson(): boolean {
  return stopped
}

export function onSignInNeeded(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function rememberTenant(tenant: string): void {
  write(localStorage, tenantKey, tenant)
}

/** The tenant of the address, else the last one. */
export function likelyTenant(): string | null {
  const inAddress = /^\/t\/([^/]+)/.exec(location.pathname)?.[1]
  const tenant = inAddress ?? read(localStorage, tenantKey)
  return tenant !== null && tenantForm.test(tenant) ? tenant : null
}

export function isTenantName(text: string): boolean {
  return tenantForm.test(text)
}

/** The server's hand-off; it comes back to `path`, which it checks to be one of this host. */
function signInAddress(tenant: string): string {
  return `/auth/sign-in?${new URLSearchParams({ tenant, path: location.pathname + location.search }).toString()}`
}

/** Leaves for sign-in, unless that was tried a moment ago or nobody has named a tenant: then a person is asked. */
export function askToSignIn(): void {
  if (stopped) return
  const tenant = likelyTenant()
  const sentAt = Number(read(sessionStorage, sentKey) ?? 0)
  if (tenant === null || Date.now() - sentAt < caps.signInLoopMs) {
    stopped = true
    for (const listener of listeners) listener()
    return
  }
  leaveForSignIn(tenant)
}

export function leaveForSignIn(tenant: string): void {
  stopped = true
  write(sessionStorage, sentKey, String(Date.now()))
  location.assign(signInAddress(tenant))
}

// Storage can be switched off by the person; signing in then simply forgets more.
function read(storage: Storage, key: string): string | null {
  try {
    return storage.getItem(key)
  } catch {
    return null
  }
}

function write(storage: Storage, key: string, value: string): void {
  try {
    storage.setItem(key, value)
  } catch {
    // nothing kept, nothing lost but convenience
  }
}

/** Leaves by a form, as the page itself would: the server takes no other way out. */
export function signOut(): void {
  const form = document.createElement('form')
  form.method = 'post'
  form.action = '/auth/sign-out'
  document.body.append(form)
  form.submit()
}
