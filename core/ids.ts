// Names of things: branded strings `prefix_random`, so that an id of one kind cannot stand in for another
// and a leaked id can be searched for. Must never carry meaning (no time, tenant or counter inside).
export const idPrefixes = {
  tenant: 'ten',
  user: 'usr',
  group: 'grp',
  device: 'dev',
  organisation: 'org',
  connector: 'con',
  connectorGroup: 'cgr',
  exchange: 'exc',
  app: 'app',
  appGroup: 'agr',
  category: 'cat',
  webSettings: 'wst',
  webCredential: 'wcr',
  policy: 'pol',
  policyTest: 'plt',
  policyJob: 'pjb',
  identityProvider: 'idp',
  session: 'ses',
  flow: 'flw',
  accessRequest: 'req',
  approval: 'apr',
  containment: 'cnt',
  enrolmentToken: 'enr',
  apiToken: 'tok',
  role: 'rol',
  event: 'evt',
  drill: 'drl',
  drillGap: 'gap',
  story: 'sty',
  incident: 'inc',
  incidentEntry: 'ine',
  playbook: 'pbk',
  playbookRun: 'pbr',
  eventStream: 'est',
  storyException: 'stx',
} as const

export type IdKind = keyof typeof idPrefixes
declare const brand: unique symbol
export type Id<K extends IdKind> = string & { readonly [brand]: K }

export type TenantId = Id<'tenant'>
export type ConnectorId = Id<'connector'>
export type ExchangeId = Id<'exchange'>

// RFC 4648 base32 alphabet in lower case: safe in URLs, file names and DNS labels.
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
const RANDOM_CHARACTERS = 20 // 100 bits

/** A new id: the kind's prefix, `_`, and 100 random bits in base32. `randomBytes(n)` must be a CSPRNG. */
export function newId<K extends IdKind>(kind: K, randomBytes: (count: number) => Uint8Array = systemRandom): Id<K> {
  let text = `${idPrefixes[kind]}_`
  for (const byte of randomBytes(RANDOM_CHARACTERS)) text += alphabet[byte & 31]
  return text as Id<K>
}

/** True when `text` has the form of an id of this kind. Says nothing about whether the thing exists. */
export function isId<K extends IdKind>(kind: K, text: unknown): text is Id<K> {
  if (typeof text !== 'string') return false
  const prefix = idPrefixes[kind]
  if (text.length !== prefix.length + 1 + RANDOM_CHARACTERS || !text.startsWith(`${prefix}_`)) return false
  for (let at = prefix.length + 1; at < text.length; at++) if (!alphabet.includes(text.charAt(at))) return false
  return true
}

function systemRandom(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count))
}
