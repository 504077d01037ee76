// A software authenticator for tests: real ES256 keys, attestation `none`, resident credentials, user verification.
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

type Credential = {
  readonly id: string
  readonly rpId: string
  readonly privateKey: KeyObject
  readonly userHandle: string
  counter: number
}
export type Tweak = {
  readonly origin?: string
  readonly rpId?: string
  readonly isVerified?: boolean
  readonly counter?: number
  readonly userHandle?: string
}

export class Authenticator {
  readonly credentials: Credential[] = []
  readonly #origin: string

  constructor(origin: string) {
    this.#origin = origin
  }

  create(options: unknown, tweak: Tweak = {}): string {
    const { challenge, rp, user } = options as { challenge: string; rp: { id: string }; user: { id: string } }
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const id = randomBytes(32)
    const credential = { id: text(id), rpId: rp.id, privateKey, userHandle: user.id, counter: 0 }
    this.credentials.push(credential)
    const jwk = publicKey.export({ format: 'jwk' })
    const cose = map([
      [integer(1), integer(2)],
      [integer(3), integer(-7)],
      [integer(-1), integer(1)],
      [integer(-2), byteString(Buffer.from(jwk.x ?? '', 'base64url'))],
      [integer(-3), byteString(Buffer.from(jwk.y ?? '', 'base64url'))],
    ])
    const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, id.length]), id, cose])
    const authData = Buffer.concat([this.#head(tweak.rpId ?? rp.id, 0x40, 0, tweak), attested])
    const attestation = map([
      [textString('fmt'), textString('none')],
      [textString('attStmt'), map([])],
      [textString('authData'), byteString(authData)],
    ])
    return JSON.stringify({
      id: credential.id,
      rawId: credential.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(this.#clientData('webauthn.create', challenge, tweak)),
        attestationObject: text(attestation),
        transports: ['internal'],
      },
    })
  }

  get(options: unknown, tweak: Tweak = {}, credential: Credential | undefined = this.credentials[0]): string {
    const { challenge } = options as { challenge: string }
    if (!credential) throw new Error('no credential')
    credential.counter = tweak.counter ?? credential.counter + 1
    const authData = this.#head(tweak.rpId ?? credential.rpId, 0, credential.counter, tweak)
    const clientData = this.#clientData('webauthn.get', challenge, tweak)
    const signed = Buffer.concat([authData, createHash('sha256').update(clientData).digest()])
    return JSON.stringify({
      id: credential.id,
      rawId: credential.id,
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(clientData),
        authenticatorData: text(authData),
        signature: text(sign('sha256', signed, credential.privateKey)),
        userHandle: tweak.userHandle ?? credential.userHandle,
      },
    })
  }

  #head(rpId: string, extraFlags: number, counter: number, { isVerified = true }: Tweak): Buffer {
    const count = Buffer.alloc(4)
    count.writeUInt32BE(counter)
    const flags = 0x01 | (isVerified ? 0x04 : 0) | extraFlags
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), count])
  }

  #clientData(type: string, challenge: string, { origin }: Tweak): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin: origin ?? this.#origin, crossOrigin: false }))
  }
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')

// The little of CBOR (RFC 8949) that an attestation needs.
function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value])
  if (value < 256) return Buffer.from([(major << 5) | 24, value])
  return Buffer.from([(major << 5) | 25, value >> 8, value & 255])
}
const integer = (value: number) => (value >= 0 ? head(0, value) : head(1, -1 - value))
const byteString = (bytes: Buffer) => Buffer.concat([head(2, bytes.length), bytes])
const textString = (value: string) => Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)])
const map = (pairs: readonly (readonly [Buffer, Buffer])[]) => Buffer.concat([head(5, pairs.length), ...pairs.flat()])
