// Which addresses from the API may become links. Must never let through anything but https.
export function safeAddress(address: string): string | null {
  try {
    const url = new URL(address)
    return url.protocol === 'https:' && url.username === '' && url.password === '' ? url.href : null
  } catch {
    return null
  }
}
