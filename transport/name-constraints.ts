// The name constraints extension (RFC 5280, 4.2.1.10) as DER: what a certificate authority may and may not name.
// Must never be left non-critical: a verifier that does not understand it has to refuse.
import 'reflect-metadata'
import { isIP } from 'node:net'
import { Extension } from '@peculiar/x509'

export type NameConstraints = {
  /** DNS names with everything below them, e.g. `acme.test`. */
  readonly permittedDns?: readonly string[]
  readonly excludedDns?: readonly string[]
  /** Whole families: a web-only authority excludes both, so that no address slips past DNS constraints. */
  readonly excludedIpFamilies?: readonly (4 | 6)[]
  /** Hosts of URIs, exactly: a tenant's authority is held to its own identities. */
  readonly permittedUriHosts?: readonly string[]
}

const DNS_TAG = 0x82
const URI_TAG = 0x86
const IP_TAG = 0x87

export function nameConstraintsExtension(constraints: NameConstraints): Extension {
  const permitted = [
    ...(constraints.permittedDns ?? []).map((name) => subtree(DNS_TAG, ascii(name))),
    ...(constraints.permittedUriHosts ?? []).map((host) => subtree(URI_TAG, ascii(host))),
  ]
  const excluded = [
    ...(constraints.excludedDns ?? []).map((name) => subtree(DNS_TAG, ascii(name))),
    // Address and mask, all zero: every address of the family.
    ...(constraints.excludedIpFamilies ?? []).map((family) => subtree(IP_TAG, Buffer.alloc(family === 4 ? 8 : 32))),
  ]
  if (permitted.length + excluded.length === 0) throw new RangeError('name constraints that constrain nothing')
  const body = Buffer.concat([
    ...(permitted.length > 0 ? [der(0xa0, Buffer.concat(permitted))] : []),
    ...(excluded.length > 0 ? [der(0xa1, Buffer.concat(excluded))] : []),
  ])
  return new Extension('2.5.29.30', true, new Uint8Array(der(0x30, body)))
}

function subtree(tag: number, value: Buffer): Buffer {
  return der(0x30, der(tag, value))
}

function ascii(name: string): Buffer {
  if (!/^[a-z0-9_]([a-z0-9_.-]{0,253}[a-z0-9])?$/.test(name) || isIP(name) !== 0) {
    throw new RangeError('a name constraint is a lower case host name')
  }
  return Buffer.from(name, 'latin1')
}

function der(tag: number, value: Buffer): Buffer {
  const { length } = value
  if (length > 0xffff) throw new RangeError('too many name constraints')
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), value])
}
