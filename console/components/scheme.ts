// The colour scheme: the system's, or pinned by the reader. Set before the first drawing.
export const schemes = ['system', 'light', 'dark'] as const
export type Scheme = (typeof schemes)[number]
const key = 'sallyport.scheme'

export function schemeNow(): Scheme {
  try {
    return schemes.find((scheme) => scheme === localStorage.getItem(key)) ?? 'system'
  } catch {
    return 'system'
  }
}

export function applyScheme(): void {
  const scheme = schemeNow()
  if (scheme === 'system') delete document.documentElement.dataset['scheme']
  else document.documentElement.dataset['scheme'] = scheme
}

export function chooseScheme(scheme: Scheme): void {
  try {
    localStorage.setItem(key, scheme)
  } catch {
    // Not kept; it holds until the page is left.
  }
  if (scheme === 'system') delete document.documentElement.dataset['scheme']
  else document.documentElement.dataset['scheme'] = scheme
}
