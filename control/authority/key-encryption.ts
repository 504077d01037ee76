// The key-encryption key and what is sealed under it (AES-256-GCM). Must never write a key in clear next to what it
// protects, accept a key file that others can read, or open a text that was sealed for another context.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { chmodSync, closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '#core/fault.ts'
import { fromBase64url, toBase64url } from '#transport/base64url.ts'

export type Sealer = {
  /** `context` names the place of the text, so that a row copied to another place does not open there. */
  readonly seal: (plain: Uint8Array, context: string) => string
  /** Throws Fault `store-failed` when the text is not ours, not for this context or altered. */
  readonly open: (sealed: string, context: string) => Buffer
}

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16

export function createSealer(key: Uint8Array): Sealer {
  if (key.length !== KEY_BYTES) throw new Fault('configuration-invalid', { hint: 'A key-encryption key has 32 bytes.' })
  const secret = Buffer.from(key)
  return {
    seal: (plain, context) => {
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secret, iv, { authTagLength: TAG_BYTES }).setAAD(
        Buffer.from(context),
      )
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return `s1.${toBase64url(Buffer.concat([iv, body, cipher.getAuthTag()]))}`
    },
    open: (sealed, context) => {
      const bytes = sealed.startsWith('s1.') ? fromBase64url(sealed.slice(3)) : undefined
      if (!bytes || bytes.length < IV_BYTES + TAG_BYTES)
        throw new Fault('store-failed', { detail: { why: 'sealed form' } })
      const decipher = createDecipheriv('aes-256-gcm', secret, bytes.subarray(0, IV_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(Buffer.from(context))
        .setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()])
      } catch (cause) {
        throw new Fault('store-failed', { detail: { why: 'sealed under another key or context' }, cause })
      }
    },
  }
}

/** The key in a file of 32 bytes in base64url, mode 0600; made at first start. */
export function keyFromFile(path: string): Buffer {
  try {
    const file = openSync(path, 'r')
    try {
      if ((fstatSync(file).mode & 0o077) !== 0)
        throw new Fault('configuration-invalid', { hint: `Others can read the key file; run: chmod 600 ${path}` })
      return keyFromText(readFileSync(file, 'utf8').trim())
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const key = randomBytes(KEY_BYTES)
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, `${toBase64url(key)}\n`)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  chmodSync(path, 0o600)
  return key
}

/** Throws Fault `configuration-invalid` when the text is not 32 bytes in base64url. */
export function keyFromText(text: string): Buffer {
  const key = fromBase64url(text)
  if (key?.length !== KEY_BYTES)
    throw new Fault('configuration-invalid', { hint: 'A key-encryption key is 32 bytes in base64url.' })
  return key
}
