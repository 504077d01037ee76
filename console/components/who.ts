// Who is at the keyboard: what `me` said, for every page below the frame.
import { createContext, useContext } from 'react'
import type { Reply } from '#console/api/client.ts'

export type Me = Reply<'me'>
export const MeContext = createContext<Me | null>(null)

export function useMe(): Me {
  const me = useContext(MeContext)
  if (me === null) throw new Error('useMe outside the frame')
  return me
}

export function useTenant(): string {
  return useMe().tenant
}

/** Whether to offer changes; the server decides in any case. */
export function useMayChange(): boolean {
  return useMe().roles.includes('tenant-admin')
}
