// One thing that happened, before it is written as an OCSF event.
import type { Member, Organisation } from './organisation.ts'

export type Occurrence = {
  readonly timeMs: number
  readonly classUid: 3002 | 4001 | 4002 | 6003 | 2004
  readonly member: Member
  readonly app: string
  readonly isSuccess: boolean
  readonly ip: string
  readonly device: string
  readonly session: string
  readonly bytesIn: number
  readonly bytesOut: number
  readonly host?: string
  readonly operation?: string
  readonly isPrompt?: boolean
  readonly country?: string
}

/** As OCSF, with what the style has. */
export function writeEvent(
  organisation: Organisation,
  occurrence: Occurrence,
  id: string,
): Readonly<Record<string, unknown>> {
  const { style, teams } = organisation
  const { member, classUid, app, host } = occurrence
  const team = teams[member.groupTeam]
  const groups =
    style.hasGroups && team ? [{ name: 'everyone' }, { name: team.department }, { name: team.name }] : undefined
  return {
    class_uid: classUid,
    activity_id: classUid === 4001 ? 6 : 1,
    status_id: occurrence.isSuccess ? 1 : 2,
    time: occurrence.timeMs,
    metadata: { version: '1.9.0', uid: id },
    actor: {
      user: {
        uid: member.uid,
        ...(groups && { groups }),
        ...(member.organisation && { org: { name: member.organisation } }),
      },
      ...(style.hasSessions && occurrence.session && { session: { uid: occurrence.session } }),
    },
    src_endpoint: { ip: occurrence.ip, ...(occurrence.country && { location: { country: occurrence.country } }) },
    ...(style.hasDevices && occurrence.device && { device: { uid: occurrence.device } }),
    ...(host ? { dst_endpoint: { hostname: host } } : app ? { dst_endpoint: { svc_name: app } } : {}),
    ...(occurrence.operation && { api: { operation: occurrence.operation } }),
    ...(occurrence.isPrompt && { auth_factors: [{ factor_type: 'push' }], status_detail: 'mfa prompt' }),
    ...((occurrence.bytesIn > 0 || occurrence.bytesOut > 0) && {
      traffic: { bytes_in: Math.round(occurrence.bytesIn), bytes_out: Math.round(occurrence.bytesOut) },
    }),
  }
}
