// Devices with posture set by hand, and revocation.
import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { DeviceView } from '#core/api/views.ts'
import { useChange } from '#console/api/use-route.ts'
import { text } from '#console/messages/text.ts'
import { ChoiceField, type Choice } from './choice-field.tsx'
import { ConfirmAction } from './confirm-action.tsx'
import { DataTable, type Column, type TableState } from './data-table.tsx'
import { Moment } from './moment.tsx'
import { Status } from './status.tsx'
import { useMayChange, useTenant } from './who.ts'

const postures = [0, 1, 2] as const

type Props = TableState & { readonly devices: readonly DeviceView[] | undefined; readonly ofOne?: boolean }

export function DeviceTable({ devices, ofOne = false, ...state }: Props): ReactNode {
  const tenant = useTenant()
  const mayChange = useMayChange()
  const revoke = useChange('revokeDevice').mutateAsync
  const change = useChange('changeDevice').mutateAsync
  const columns = useMemo<readonly Column<DeviceView>[]>(() => {
    const person: Column<DeviceView> = {
      id: 'person',
      head: text.column.person,
      cell: (device) => (
        <Link to="/t/$tenant/people/$name" params={{ tenant, name: device.user }}>
          {device.user}
        </Link>
      ),
    }
    return [
      { id: 'name', head: text.column.device, cell: (device) => <span className="strong">{device.name}</span> },
      ...(ofOne ? [] : [person]),
      { id: 'system', head: text.column.system, cell: (device) => device.os },
      {
        id: 'posture',
        head: text.column.posture,
        cell: (device) => (
          <Status kind={device.posture >= 2 ? 'allow' : device.posture === 1 ? 'quiet' : 'warn'}>
            {text.posture[device.posture] ?? device.posture}
          </Status>
        ),
      },
      {
        id: 'status',
        head: text.column.status,
        cell: (device) => (
          <Status kind={device.status === 'active' ? 'allow' : 'quiet'}>{text.status[device.status]}</Status>
        ),
      },
      { id: 'seen', head: text.column.seen, cell: (device) => <Moment at={device.lastSeenAt} /> },
      {
        id: 'certificate',
        head: text.column.certificate,
        cell: (device) => <Moment at={device.certificateUntil} form="day-time" />,
      },
      { id: 'created', head: text.column.created, cell: (device) => <Moment at={device.createdAt} /> },
      {
        id: 'acts',
        head: text.column.action,
        look: 'acts',
        cell: (device) => {
          if (!mayChange || device.status !== 'active') return null
          const choice: Choice = { value: String(device.posture) }
          return (
            <>
              <ConfirmAction
                inRow
                look="text"
                label={text.devices.setPosture}
                name={text.devices.setPostureOf(device.name)}
                title={text.devices.postureTitle(device.name)}
                body={text.devices.postureBody}
                doLook="main"
                act={async () => {
                  const posture = postures.find((level) => String(level) === choice.value) ?? 0
                  await change({ params: { tenant, id: device.id }, body: { posture } })
                }}
              >
                <ChoiceField
                  label={text.column.posture}
                  choice={choice}
                  choices={postures.map((level) => [String(level), text.posture[level] ?? ''])}
                />
              </ConfirmAction>
              <ConfirmAction
                inRow
                label={text.devices.revoke}
                name={`${text.devices.revoke} ${device.name}`}
                title={text.devices.revokeTitle(device.name)}
                body={text.devices.revokeBody(device.user)}
                act={() => revoke({ params: { tenant, id: device.id } })}
              />
            </>
          )
        },
      },
    ]
  }, [tenant, mayChange, revoke, change, ofOne])
  return (
    <DataTable label={text.devices.title} columns={columns} rows={devices} rowKey={(device) => device.id} {...state} />
  )
}
