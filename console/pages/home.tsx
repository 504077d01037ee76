// `/`: goes on to what happens now in one's own tenant.
import { Navigate } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useTenant } from '#console/components/who.ts'

export function HomePage(): ReactNode {
  return <Navigate to="/t/$tenant/now" params={{ tenant: useTenant() }} replace />
}
