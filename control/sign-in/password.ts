// Passwords at rest and their verification: argon2id on the thread pool, one at a time, a bounded queue before it.
// Must never tell by its time whether an account has a password, and never run unbounded work for strangers.
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { Fault } from '#core/fault.ts'
import { caps } from './caps.ts'

export type Passwords = {
  readonly hash: (password: string) => Promise<string>
  /** Against null it does the same work and is never right. */
  readonly verify: (password: string, stored: string | null) => Promise<PasswordVerdict>
}
export type PasswordVerdict = { readonly isRight: boolean; readonly needsRehash: boolean }

type Parameters = { readonly memoryKiB: number; readonly passes: number; readonly parallelism: number }
type Stored = Parameters & { readonly salt: Buffer; readonly tag: Buffer }

const SALT_BYTES = 16
const TAG_BYTES = 32
const wanted: Parameters = { memoryKiB: caps.argonMemoryKiB.default, passes: caps.argonPasses.default, parallelism: 1 }

export function createPasswords(
  parameters: Parameters = wanted,
  maxQueued: number = caps.hashQueue.default,
): Passwords {
  const run = createQueue(maxQueued)
  const decoy: Stored = { ...parameters, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) }
  return {
    hash: async (password) => {
      const salt = randomBytes(SALT_BYTES)
      return format({ ...parameters, salt, tag: await run(() => derive(password, salt, parameters, TAG_BYTES)) })
    },
    verify: async (password, stored) => {
      const parsed = stored === null ? undefined : parseStored(stored)
      const against = parsed ?? decoy
      const tag = await run(() => derive(password, against.salt, against, against.tag.length))
      const isRight = timingSafeEqual(tag, against.tag) && parsed !== undefined
      return { isRight, needsRehash: isRight && !sameParameters(against, parameters) }
    },
  }
}

/** Why this password may not be chosen, or undefined. Length only, as NIST SP 800-63B asks; no composition rules. */
export function passwordObjection(password: string, userName: string): string | undefined {
  const length = Array.from(password).length
  if (length < caps.passwordMinimum.default) return `Use at least ${caps.passwordMinimum.default} characters.`
  if (length > caps.passwordMaximum.default) return `Use at most ${caps.passwordMaximum.default} characters.`
  const folded = password.toLowerCase()
  if (new Set(folded).size < 5) return 'Use more different characters.'
  if (userName.length >= 4 && folded.replaceAll(userName.toLowerCase(), '').length < 8) {
    return 'Do not build the password from the user name.'
  }
  return undefined
}

function derive(password: string, salt: Buffer, parameters: Parameters, tagLength: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2(
      'argon2id',
      {
        // Two ways to type the same letter must be the same password (NIST SP 800-63B: NFC or NFKC).
        message: password.normalize('NFKC'),
        nonce: salt,
        parallelism: parameters.parallelism,
        tagLength,
        memory: parameters.memoryKiB,
        passes: parameters.passes,
      },
      (error, tag) => (error ? reject(error) : resolve(tag)),
    )
  })
}

const storedPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{16,86})\$([A-Za-z0-9+/]{22,86})$/

function parseStored(text: string): Stored {
  const match = storedPattern.exec(text)
  if (!match) throw new Fault('store-failed', { detail: { why: 'a password hash in the store has no known form' } })
  const [, memory = '', passes = '', parallelism = '', salt = '', tag = ''] = match
  return {
    memoryKiB: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

function format({ memoryKiB, passes, parallelism, salt, tag }: Stored): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${text(salt)}$${text(tag)}`
}

function sameParameters(a: Parameters, b: Parameters): boolean {
  return a.memoryKiB === b.memoryKiB && a.passes === b.passes && a.parallelism === b.parallelism
}

/** Runs one at a time; refuses when `maxQueued` already wait. */
function createQueue(maxQueued: number): <T>(work: () => Promise<T>) => Promise<T> {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()
  return async (work) => {
    if (waiting >= maxQueued) throw new Fault('rate-limited', { hint: 'Too many people sign in at the moment.' })
    waiting += 1
    const mine = last.then(work, work)
    last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting -= 1
    }
  }
}
