// The key-encryption keys and what is sealed under them (AES-256-GCM). Must never write a key in clear next to what it
// protects, accept a key file that others can read, or open a text that was sealed for another context.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Fault } from '#core/fault.ts'
import { fromBase64url, toBase64url } from '#transport/base64url.ts'

export type Sealer = {
  /** What everything that it seals now begins with. */
  readonly currentPrefix: string
  /** `context` names the place of the text, so that a row copied to another place does not open there. */
  readonly seal: (plain: Uint8Array, context: string) => string
  /** Throws Fault `store-failed` when the text is not ours, not for this context or altered. */
  readonly open: (sealed: string, context: string) => Buffer
}

const KEY_BYTES = 32
const IV_BYTES = 12
const TAG_BYTES = 16
/** How soon a running control plane seals under a key that was put into its file. */
export const KEY_FILE_CHECK_MS = 1000
const MAX_KEYS = 8

/** Newest first: the first seals, all open. `now` looks again even where it just did. */
export type KeySource = (when?: 'now') => readonly Uint8Array[]

type EncryptionKey = { readonly id: string; readonly secret: Buffer }

export function createSealer(source: KeySource): Sealer {
  let known: readonly Uint8Array[] = []
  let keys: readonly EncryptionKey[] = []
  function current(when?: 'now'): readonly EncryptionKey[] {
    const now = source(when)
    if (now !== known) {
      keys = now.map(readKey)
      known = now
    }
    return keys
  }
  current()
  return {
    get currentPrefix() {
      return prefixOf(first(current()).id)
    },
    seal: (plain, context) => {
      const { id, secret } = first(current())
      const iv = randomBytes(IV_BYTES)
      const cipher = createCipheriv('aes-256-gcm', secret, iv, { authTagLength: TAG_BYTES }).setAAD(
        Buffer.from(context),
      )
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return `${prefixOf(id)}${toBase64url(Buffer.concat([iv, body, cipher.getAuthTag()]))}`
    },
    open: (sealed, context) => {
      const [form, id, text] = sealed.split('.')
      const bytes = form === 's2' && text !== undefined ? fromBase64url(text) : undefined
      if (!bytes || bytes.length < IV_BYTES + TAG_BYTES)
        throw new Fault('store-failed', { detail: { why: 'sealed form' } })
      const isIt = (one: EncryptionKey) => one.id === id
      // Another process may have sealed under a key that was put into the file a moment ago.
      const key = current().find(isIt) ?? current('now').find(isIt)
      if (!key) throw new Fault('store-failed', { detail: { why: 'sealed under a key that is not here', key: id } })
      const decipher = createDecipheriv('aes-256-gcm', key.secret, bytes.subarray(0, IV_BYTES), {
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

/** Names the key that sealed, so that rows under an older one are found without opening them. */
function prefixOf(keyId: string): string {
  return `s2.${keyId}.`
}

function readKey(key: Uint8Array): EncryptionKey {
  if (key.length !== KEY_BYTES) throw new Fault('configuration-invalid', { hint: 'A key-encryption key has 32 bytes.' })
  const id = createHash('sha256').update('sallyport key-encryption key\n').update(key).digest('base64url').slice(0, 10)
  return { id, secret: Buffer.from(key) }
}

function first(keys: readonly EncryptionKey[]): EncryptionKey {
  const [key] = keys
  if (!key) throw new Fault('configuration-invalid', { hint: 'There is no key-encryption key.' })
  return key
}

/**
 * The keys of a file of mode 0600, one of 32 bytes in base64url a line, newest first; made at first start. The file is
 * looked at again as it changes: a key is rotated by writing a new first line.
 */
export function keysOfFile(path: string, monotonicMs: () => number = () => performance.now()): KeySource {
  if (!existsSync(path)) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    writeKeyFile(path, [newEncryptionKey()], 'wx')
  }
  let keys = readKeyFile(path)
  let stamp = stampOf(path)
  let lookedAtMs = monotonicMs()
  return (when) => {
    if (when === undefined && monotonicMs() - lookedAtMs < KEY_FILE_CHECK_MS) return keys
    lookedAtMs = monotonicMs()
    const now = stampOf(path)
    if (now === stamp) return keys
    keys = readKeyFile(path)
    stamp = now
    return keys
  }
}

export function newEncryptionKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** Throws Fault `configuration-invalid` when others can read the file or a line is no key. */
export function readKeyFile(path: string): readonly Buffer[] {
  const file = openSync(path, 'r')
  try {
    if ((fstatSync(file).mode & 0o077) !== 0)
      throw new Fault('configuration-invalid', { hint: `Others can read the key file; run: chmod 600 ${path}` })
    return keysOfText(readFileSync(file, 'utf8'))
  } finally {
    closeSync(file)
  }
}

/** The file as a whole, on the disk before it has its name. */
export function writeKeyFile(path: string, keys: readonly Uint8Array[], flag: 'w' | 'wx' = 'w'): void {
  const temporary = `${path}.${randomBytes(8).toString('hex')}`
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeFileSync(file, keys.map((key) => `${toBase64url(key)}\n`).join(''))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  if (flag === 'wx') {
    // Of two that start at once one makes the key; the other reads it.
    try {
      linkSync(temporary, path)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    } finally {
      rmSync(temporary)
    }
  } else renameSync(temporary, path)
  const folder = openSync(dirname(path), 'r')
  fsyncSync(folder)
  closeSync(folder)
}

/** Keys apart by white space or commas, newest first. Throws Fault `configuration-invalid`. */
export function keysOfText(text: string): readonly Buffer[] {
  const keys = text
    .split(/[\s,]+/)
    .filter((line) => line !== '')
    .map((line) => fromBase64url(line))
  if (keys.length === 0 || keys.length > MAX_KEYS || keys.some((key) => key?.length !== KEY_BYTES))
    throw new Fault('configuration-invalid', { hint: 'A key-encryption key is 32 bytes in base64url.' })
  return keys.map((key) => Buffer.from(key ?? []))
}

function stampOf(path: string): string {
  const { mtimeNs, ino, size } = statSync(path, { bigint: true })
  return `${mtimeNs} ${ino} ${size}`
}
