// The product's Cedar schema: what policies may speak of. Policies are validated against it in strict mode when they are
// applied; `request-facts.ts` and `directory.ts` make exactly these shapes. Changing it changes what every tenant's
// policies may say: never remove or retype a name without a record in docs/decisions.

export const policySchema = `
entity Tenant;
entity Group in [Group];
entity Organisation;
entity User in [Group, Organisation] {
  name: String,
  email?: String,
  outside: Bool,
};
entity Device {
  posture: Long,
  os: String,
};
entity AppGroup;
entity App in [AppGroup] {
  name: String,
  kind: String,
};
entity Category;
entity Destination in [Category] {
  host: String,
};

type Session = {
  factors: Set<String>,
  ageSeconds: Long,
  door: String,
};
type DeviceFacts = {
  id: String,
  posture: Long,
  os: String,
};
type Http = {
  method: String,
  path: String,
  host: String,
};
type Access = {
  session: Session,
  device?: DeviceFacts,
  network: { ip: ipaddr },
  time: { now: datetime, hour: Long, weekday: Long },
  risk: Long,
  approved: Bool,
};
type HttpAccess = {
  session: Session,
  device?: DeviceFacts,
  network: { ip: ipaddr },
  time: { now: datetime, hour: Long, weekday: Long },
  risk: Long,
  approved: Bool,
  http: Http,
};
type WebAccess = {
  session: Session,
  device?: DeviceFacts,
  network: { ip: ipaddr },
  time: { now: datetime, hour: Long, weekday: Long },
  risk: Long,
  approved: Bool,
  http?: Http,
};

action connect appliesTo { principal: User, resource: App, context: Access };
action request appliesTo { principal: User, resource: App, context: HttpAccess };
action browse, upload, download appliesTo { principal: User, resource: Destination, context: WebAccess };
`

export const entityTypes = {
  tenant: 'Tenant',
  group: 'Group',
  organisation: 'Organisation',
  user: 'User',
  device: 'Device',
  appGroup: 'AppGroup',
  app: 'App',
  category: 'Category',
  destination: 'Destination',
  action: 'Action',
} as const

export const actionNames = ['connect', 'request', 'browse', 'upload', 'download'] as const
export type ActionName = (typeof actionNames)[number]

/** Device posture as policies compare it. */
export const postureNames = ['unknown', 'registered', 'managed'] as const

/** Annotations that an allowing policy puts on the flow. */
export const obligationNames = [
  'inspect',
  'redact',
  'coach',
  'recordSession',
  'stepUp',
  'ask',
  'readOnly',
  'noDownload',
] as const
export type ObligationName = (typeof obligationNames)[number]

/** Annotations with a meaning here; others are allowed and ignored. */
export const knownAnnotations: readonly string[] = ['id', 'name', 'description', ...obligationNames]
