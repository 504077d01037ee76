// placeholder type until transport/parked lands
import type { Socket } from 'node:net'
export type ParkedSocket = { readonly socket: Socket; readonly token: string }
export type Parking = {
  readonly tokenLifeMs: number
  readonly waiting: (key: string) => number
  readonly outstanding: (key: string) => number
  readonly issue: (key: string, count: number) => string[]
  readonly take: (key: string) => ParkedSocket | undefined
}
