// Passkeys (WebAuthn): RP ID exactly the sign-in host, user verification required, challenges used once. Must never
// accept a credential of another tenant, although all tenants share the RP ID: lookups carry the tenant.
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import type { SignInTenant, SignInUser } from '#control/sign-in-seam.ts'
import type { Account, Accounts, NewPasskey, Passkey } from './accounts.ts'
import type { SignInAddresses } from './addresses.ts'
import { caps } from './caps.ts'
import type { OneTime } from './one-time.ts'

export type Passkeys = {
  /** `scope` says who may answer: an interaction, an invitation, a provider session. */
  readonly signInOptions: (tenant: SignInTenant, scope: string) => Promise<unknown>
  readonly signIn: (tenant: SignInTenant, scope: string, answer: string) => Promise<PasskeySignIn | undefined>
  readonly enrolOptions: (tenant: SignInTenant, scope: string, user: SignInUser, account: Account) => Promise<unknown>
  readonly enrol: (tenant: SignInTenant, scope: string, answer: string) => Promise<NewPasskey | undefined>
}
export type PasskeySignIn = {
  readonly passkey: Passkey
  readonly account: Account
  readonly factors: readonly string[]
}

const text = z.string().max(8192)
const base64url = text.regex(/^[A-Za-z0-9_-]+$/)
const authenticationAnswer = z.object({
  id: base64url,
  rawId: base64url,
  type: z.literal('public-key'),
  clientExtensionResults: z.object({}),
  response: z.object({
    clientDataJSON: base64url,
    authenticatorData: base64url,
    signature: base64url,
    userHandle: base64url.optional(),
  }),
})
const registrationAnswer = z.object({
  id: base64url,
  rawId: base64url,
  type: z.literal('public-key'),
  clientExtensionResults: z.object({}),
  response: z.object({
    clientDataJSON: base64url,
    attestationObject: base64url,
    transports: z
      .array(z.string().regex(/^[a-z-]{1,20}$/))
      .max(8)
      .optional(),
  }),
})
const clientData = z.object({ challenge: base64url })
const challengeScope = z.object({ use: z.enum(['sign-in', 'enrol']), scope: z.string() })
// EdDSA, ES256, RS256 (COSE numbers).
const algorithms = [-8, -7, -257]

export function createPasskeys(addresses: SignInAddresses, accounts: Accounts, oneTime: OneTime): Passkeys {
  const rpID = addresses.idHost

  async function newChallenge(tenantId: string, use: 'sign-in' | 'enrol', scope: string, challenge: string) {
    await oneTime.put(tenantId, 'challenge', challenge, { use, scope }, { lifeMs: caps.challengeLifeMs.default })
  }

  /** The challenge in the answer, if it was given out for exactly this and not used before. */
  async function takeChallenge(tenantId: string, use: 'sign-in' | 'enrol', scope: string, clientDataJSON: string) {
    const parsed = clientData.safeParse(parseJson(Buffer.from(clientDataJSON, 'base64url').toString('utf8')))
    if (!parsed.success) return undefined
    const given = challengeScope.safeParse(await oneTime.take(tenantId, 'challenge', parsed.data.challenge))
    if (!given.success || given.data.use !== use || given.data.scope !== scope) return undefined
    return parsed.data.challenge
  }

  return {
    signInOptions: async (tenant, scope) => {
      const options = await generateAuthenticationOptions({ rpID, userVerification: 'required', timeout: 120_000 })
      await newChallenge(tenant.id, 'sign-in', scope, options.challenge)
      return options
    },
    signIn: async (tenant, scope, answer) => {
      const parsed = authenticationAnswer.safeParse(parseJson(answer))
      if (!parsed.success) return undefined
      const response = parsed.data
      const challenge = await takeChallenge(tenant.id, 'sign-in', scope, response.response.clientDataJSON)
      const passkey = await accounts.passkey(tenant.id, response.id)
      if (challenge === undefined || !passkey) return undefined
      const account = await accounts.find(tenant.id, passkey.userId)
      // The user handle says whose credential the authenticator takes it for; it must be the account it is kept for.
      if (!account || response.response.userHandle !== account.subject) return undefined
      try {
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response: { ...response, response: { ...response.response, userHandle: account.subject } },
          expectedChallenge: challenge,
          expectedOrigin: addresses.idOrigin,
          expectedRPID: rpID,
          requireUserVerification: true,
          credential: {
            id: passkey.credentialId,
            publicKey: new Uint8Array(Buffer.from(passkey.publicKey, 'base64url')),
            counter: passkey.counter,
          },
        })
        if (!verified) return undefined
        if (!(await accounts.usePasskey(tenant.id, passkey, authenticationInfo.newCounter))) return undefined
        const kind = authenticationInfo.credentialDeviceType === 'singleDevice' ? 'hwk' : 'swk'
        return { passkey, account, factors: [kind, 'user', 'mfa'] }
      } catch (error) {
        if (error instanceof Fault) throw error
        return undefined
      }
    },
    enrolOptions: async (tenant, scope, user, account) => {
      const existing = await accounts.passkeys(tenant.id, user.id)
      const options = await generateRegistrationOptions({
        rpName: tenant.displayName,
        rpID,
        userName: `${user.name} (${tenant.name})`,
        userDisplayName: user.displayName,
        userID: new Uint8Array(Buffer.from(account.subject, 'base64url')),
        attestationType: 'none',
        timeout: 120_000,
        excludeCredentials: existing.map(({ credentialId }) => ({ id: credentialId })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        supportedAlgorithmIDs: algorithms,
      })
      await newChallenge(tenant.id, 'enrol', scope, options.challenge)
      return options
    },
    enrol: async (tenant, scope, answer) => {
      const parsed = registrationAnswer.safeParse(parseJson(answer))
      if (!parsed.success) return undefined
      const { transports, ...response } = parsed.data.response
      const challenge = await takeChallenge(tenant.id, 'enrol', scope, response.clientDataJSON)
      if (challenge === undefined) return undefined
      try {
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response: { ...parsed.data, response },
          expectedChallenge: challenge,
          expectedOrigin: addresses.idOrigin,
          expectedRPID: rpID,
          requireUserVerification: true,
          supportedAlgorithmIDs: algorithms,
        })
        if (!verified) return undefined
        const { credential, credentialBackedUp } = registrationInfo
        return {
          credentialId: credential.id,
          publicKey: Buffer.from(credential.publicKey).toString('base64url'),
          counter: credential.counter,
          transports: JSON.stringify(transports ?? []),
          backedUp: credentialBackedUp ? 1 : 0,
          name: 'Passkey',
        }
      } catch (error) {
        if (error instanceof Fault) throw error
        return undefined
      }
    },
  }
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}
