// Two keys that this exchange makes for itself: one signs the event journal, one the assertions that apps get. They stay
// in the data folder; control learns the public halves over the feed.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { JournalKey, JournalSigner } from '#journal/statement.ts'
import { keyThumbprint } from '#transport/secret.ts'
import { Fault } from '#core/fault.ts'

export type OwnKeys = {
  readonly journal: { readonly signer: JournalSigner; readonly key: JournalKey; readonly publicPem: string }
  readonly assertion: AssertionKey
}

export type AssertionKey = {
  readonly key: KeyObject
  readonly kid: string
  readonly jwk: {
    readonly kty: 'EC'
    readonly crv: 'P-256'
    readonly x: string
    readonly y: string
    readonly kid: string
  }
}

export async function openOwnKeys(folder: string, writer: string): Promise<OwnKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const journal = await keyAt(join(folder, 'journal-key.pem'), () => generateKeyPairSync('ed25519').privateKey)
  const assertion = await keyAt(
    join(folder, 'assertion-key.pem'),
    () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  )
  const publicKey = createPublicKey(journal)
  const keyId = keyThumbprint(publicKey)
  return {
    journal: {
      signer: { keyId, sign: (bytes) => sign(null, bytes, journal) },
      key: { kind: 'writer', keyId, writer, publicKey },
      publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    },
    assertion: assertionKey(assertion),
  }
}

export function assertionKey(key: KeyObject): AssertionKey {
  const { x, y } = createPublicKey(key).export({ format: 'jwk' })
  if (x === undefined || y === undefined) throw new Fault('configuration-invalid', { hint: 'The assertion key.' })
  const kid = keyThumbprint(key).slice(0, 22)
  return { key, kid, jwk: { kty: 'EC', crv: 'P-256', x, y, kid } }
}

async function keyAt(path: string, make: () => KeyObject): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(path, 'utf8'))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new Fault('configuration-invalid', { hint: `${path} is not a key.`, cause: error })
    }
  }
  const key = make()
  {
    await using handle = await open(`${path}.new`, 'w', 0o600)
    await handle.writeFile(key.export({ type: 'pkcs8', format: 'pem' }))
    await handle.sync()
  }
  await rename(`${path}.new`, path)
  return key
}
