// Canonical base64url (RFC 4648 section 5, no padding): one text per byte string and one byte string per text.
// Must never accept a second spelling: what is signed or compared must not have aliases.

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url')
}

/** The bytes, or `undefined` when the text is not the canonical spelling of any. */
export function fromBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // Node's decoder skips what it does not know and ignores spare bits; only encoding back shows both.
  return bytes.toString('base64url') === text ? bytes : undefined
}
