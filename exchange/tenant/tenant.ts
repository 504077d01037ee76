// What this exchange knows about one tenant: control's records with the indexes that decisions need. Changes apply
// whole and synchronously, so that no decision sees half of one. Must never hold anything of another tenant.
import type { AppRecord } from '#core/records/app.ts'
import type {
  AppGroupRecord,
  ApprovalRecord,
  Change,
  ConnectorGroupRecord,
  ConnectorRecord,
  DeviceRecord,
  GroupRecord,
  OrganisationRecord,
  PolicyRecord,
  RecordKind,
  SessionRecord,
  TenantRecord,
  TenantRecords,
  UserRecord,
} from '#core/records/records.ts'
import {
  type CategoryRecord,
  type WebCredentialRecord,
  type WebSettings,
  type WebSettingsRecord,
} from '#core/records/outbound.ts'
import type { ContainmentRecord } from '#core/records/containment.ts'
import { riskPointsAt, riskRecordId, type RiskRecord } from '#core/records/risk.ts'
import { Fault } from '#core/fault.ts'
import { createAppNames, type AppNames } from './app-names.ts'
import { Contained } from './contained.ts'
import { Multimap } from './multimap.ts'
import { createOwnCategories, type OwnCategories } from './own-categories.ts'
import { TenantPolicy } from './tenant-policy.ts'

export type Position = { readonly epoch: string; readonly sequence: number; readonly issuedAtMs: number }

export class Tenant {
  readonly id: string
  #record: TenantRecord
  /** The last signed word of control: its place in the changes, and when it was said. */
  position: Position
  readonly users = new Map<string, UserRecord>()
  readonly groups = new Map<string, GroupRecord>()
  readonly appGroups = new Map<string, AppGroupRecord>()
  readonly organisations = new Map<string, OrganisationRecord>()
  readonly devices = new Map<string, DeviceRecord>()
  readonly sessions = new Map<string, SessionRecord>()
  readonly connectorGroups = new Map<string, ConnectorGroupRecord>()
  readonly connectors = new Map<string, ConnectorRecord>()
  readonly apps = new Map<string, AppRecord>()
  readonly policies = new Map<string, PolicyRecord>()
  readonly approvals = new Map<string, ApprovalRecord>()
  readonly containments = new Map<string, ContainmentRecord>()
  readonly categories = new Map<string, CategoryRecord>()
  readonly #webSettings = new Map<string, WebSettingsRecord>()
  readonly webCredentials = new Map<string, WebCredentialRecord>()
  readonly #risks = new Map<string, RiskRecord>()
  readonly policy: TenantPolicy
  readonly sessionsOfDevice = new Multimap<string, string>()
  readonly #names: AppNames = createAppNames()
  readonly #browserHosts = new Map<string, string>()
  readonly #ownCategories: OwnCategories = createOwnCategories()
  readonly #credentialOfHash = new Map<string, WebCredentialRecord>()
  readonly contained = new Contained()
  readonly #approvalsOf = new Multimap<string, ApprovalRecord>()

  /** Throws Fault `snapshot-refused` when the records are not those of exactly one tenant. */
  constructor(id: string, records: readonly TenantRecords[], position: Position) {
    const [record, ...others] = records.filter((each) => each.kind === 'tenant')
    if (record === undefined || others.length > 0 || record.id !== id) {
      throw new Fault('snapshot-refused', { detail: { tenantId: id, why: 'not one tenant record of this tenant' } })
    }
    this.id = id
    this.#record = record
    this.position = position
    for (const each of records) this.#put(each)
    this.policy = new TenantPolicy(this)
  }

  get record(): TenantRecord {
    return this.#record
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.op === 'put') this.#put(change.record)
      else this.#remove(change.kind, change.id)
    }
    this.policy.apply(changes)
  }

  /** The app that `host:port` means to an agent: its names, or its browser host on the port for people. */
  appOfName(host: string, port: number): AppRecord | undefined {
    const id = this.#names.find(host, port)
    return id === undefined ? undefined : this.apps.get(id)
  }

  /** An app of which this is a name, on whatever port. */
  appOfHost(host: string): AppRecord | undefined {
    const id = this.#names.findHost(host)
    return id === undefined ? undefined : this.apps.get(id)
  }

  appOfBrowserHost(host: string): AppRecord | undefined {
    const id = this.#browserHosts.get(host)
    return id === undefined ? undefined : this.apps.get(id)
  }

  get browserHosts(): IterableIterator<string> {
    return this.#browserHosts.keys()
  }

  /** How the way to the internet is treated; `undefined`: there is none for this tenant. */
  get webSettings(): WebSettings | undefined {
    const [settings] = this.#webSettings.values()
    return settings
  }

  /** The tenant's own categories of a host. */
  ownCategoriesOf(host: string): readonly string[] {
    return this.#ownCategories.of(host)
  }

  /** By the base64url SHA-256 of the secret: a look-up by a hash tells nobody how near a guess was. */
  webCredentialOf(secretHash: string): WebCredentialRecord | undefined {
    return this.#credentialOfHash.get(secretHash)
  }

  /** 0 to 100: the greatest of the person's, the device's and the third party's, as it has faded by now. */
  riskAt(userId: string, deviceId: string | null, nowMs: number): number {
    if (this.#risks.size === 0) return 0
    const organisationId = this.users.get(userId)?.organisationId ?? null
    return Math.max(
      this.#riskOf('user', userId, nowMs),
      this.#riskOf('device', deviceId, nowMs),
      this.#riskOf('organisation', organisationId, nowMs),
    )
  }

  #riskOf(kind: RiskRecord['subject']['kind'], id: string | null, nowMs: number): number {
    const record = id === null ? undefined : this.#risks.get(riskRecordId(kind, id))
    return record === undefined ? 0 : riskPointsAt(record, nowMs)
  }

  /** When the longest-lived approval of this user for this app ends; `undefined` without one. */
  approvedUntilMs(userId: string, appId: string): number | undefined {
    let untilMs: number | undefined
    for (const { expiresAtMs } of this.#approvalsOf.get(`${userId} ${appId}`)) {
      untilMs = Math.max(untilMs ?? 0, expiresAtMs)
    }
    return untilMs
  }

  *records(): Generator<TenantRecords> {
    yield this.#record
    for (const kind of tableKinds) yield* this.#table(kind).values() as Iterable<TenantRecords>
  }

  #put(record: TenantRecords): void {
    if (record.kind === 'tenant') {
      if (record.id === this.id) this.#record = record
      else throw new Fault('snapshot-refused', { detail: { tenantId: this.id, why: 'a record of another tenant' } })
      return
    }
    this.#remove(record.kind, record.id)
    if (record.kind === 'session') {
      if (record.deviceId !== null) this.sessionsOfDevice.add(record.deviceId, record.id)
    } else if (record.kind === 'app') {
      this.#names.add(record)
      const host = record.browserHost
      if (host !== null && !this.#browserHosts.has(host)) this.#browserHosts.set(host, record.id)
    } else if (record.kind === 'containment') {
      this.contained.add(record)
    } else if (record.kind === 'approval') this.#approvalsOf.add(`${record.userId} ${record.appId}`, record)
    else if (record.kind === 'category') this.#ownCategories.add(record)
    else if (record.kind === 'webCredential') this.#credentialOfHash.set(record.secretHash, record)
    this.#table(record.kind).set(record.id, record.kind === 'policy' ? asText(record) : record)
  }

  #remove(kind: RecordKind, id: string): void {
    if (kind === 'tenant') return
    const table = this.#table(kind)
    const old = table.get(id)
    if (old === undefined) return
    table.delete(id)
    if (old.kind === 'session') {
      if (old.deviceId !== null) this.sessionsOfDevice.delete(old.deviceId, id)
    } else if (old.kind === 'app') {
      this.#names.remove(old)
      const host = old.browserHost
      if (host !== null && this.#browserHosts.get(host) === id) this.#browserHosts.delete(host)
    } else if (old.kind === 'containment') {
      this.contained.remove(old)
    } else if (old.kind === 'approval') this.#approvalsOf.delete(`${old.userId} ${old.appId}`, old)
    else if (old.kind === 'category') this.#ownCategories.remove(old)
    else if (old.kind === 'webCredential') this.#credentialOfHash.delete(old.secretHash)
  }

  #table(kind: Exclude<RecordKind, 'tenant'>): Map<string, TenantRecords> {
    // One place where the type of a table is widened: a record is only ever stored under its own kind.
    const tables: Record<Exclude<RecordKind, 'tenant'>, unknown> = {
      user: this.users,
      group: this.groups,
      appGroup: this.appGroups,
      organisation: this.organisations,
      device: this.devices,
      session: this.sessions,
      connectorGroup: this.connectorGroups,
      connector: this.connectors,
      app: this.apps,
      policy: this.policies,
      approval: this.approvals,
      containment: this.containments,
      category: this.categories,
      webSettings: this.#webSettings,
      webCredential: this.webCredentials,
      risk: this.#risks,
    }
    return tables[kind] as Map<string, TenantRecords>
  }
}

/** A policy's JSON form as text: a sixth of the tree's memory, and one with what the compiled policy keeps. */
function asText(record: PolicyRecord): PolicyRecord {
  return typeof record.est === 'string' ? record : { ...record, est: JSON.stringify(record.est) }
}

const tableKinds = [
  'user',
  'group',
  'appGroup',
  'organisation',
  'device',
  'session',
  'connectorGroup',
  'connector',
  'app',
  'policy',
  'approval',
  'containment',
  'category',
  'webSettings',
  'webCredential',
  'risk',
] as const
