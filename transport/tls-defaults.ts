// TLS settings of the doors and of the links between our parts. Must never offer resumption on a door that asks for
// a certificate: a resumed session would carry yesterday's certificate past today's checks.
import { constants } from 'node:crypto'
import type { SecureContextOptions, SecureVersion, TlsOptions } from 'node:tls'

/** Hybrid post-quantum first: what is recorded today must not be readable later. */
const groups = 'X25519MLKEM768:X25519:P-256'

/** Between our own parts, both sides. */
export const internalTls = {
  minVersion: 'TLSv1.3' as SecureVersion,
  maxVersion: 'TLSv1.3' as SecureVersion,
  ecdhCurve: groups,
  ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
} satisfies SecureContextOptions

/**
 * A door that asks for a certificate. In TLS 1.3 the flag alone turns tickets into look-ups in a session cache;
 * Node's servers have none unless someone listens to `resumeSession`, which no door of ours does (tested).
 */
export const certificateDoorTls = {
  ...internalTls,
  secureOptions: constants.SSL_OP_NO_TICKET,
  requestCert: true,
  rejectUnauthorized: true,
} satisfies TlsOptions

/**
 * The server of sealed flows: as a certificate door, but its peers come back many times a minute, and half of such a
 * handshake is certificates that both have just seen (docs/decisions). Tickets need `sessionIdContext` and keys of its
 * own for each authority, and the peer's certificate checked anew on each connection, resumed or not.
 */
export const flowServerTls = {
  ...internalTls,
  requestCert: true,
  rejectUnauthorized: true,
} satisfies TlsOptions

/** The browser door: people's browsers, hence TLS 1.2 too, with forward secrecy and authenticated encryption only. */
export const browserDoorTls = {
  minVersion: 'TLSv1.2' as SecureVersion,
  maxVersion: 'TLSv1.3' as SecureVersion,
  ecdhCurve: `${groups}:P-384`,
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  honorCipherOrder: false,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} satisfies TlsOptions
