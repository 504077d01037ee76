// Where the time of one connection goes: the hops on its way, in milliseconds, from the door to the app. Must never carry
// a name: the same numbers go to metrics, traces and the journal.
import * as z from 'zod'

/** In the order in which they are passed. What each of them waits for is in `hopMeanings`. */
export const hopNames = ['decide', 'statement', 'park', 'offer', 'claim', 'handshake', 'app', 'firstByte'] as const
export type HopName = (typeof hopNames)[number]

export const hopMeanings: Readonly<Record<HopName, { readonly where: string; readonly waitsFor: string }>> = {
  decide: { where: 'exchange', waitsFor: 'the decision and its event in the journal' },
  statement: { where: 'control', waitsFor: "control's word on the session; 0 when it was fetched ahead" },
  park: { where: 'exchange to connector', waitsFor: 'a parked socket of the connector' },
  offer: { where: 'connector', waitsFor: 'the connector to check the grant and accept' },
  claim: { where: 'agent', waitsFor: 'the agent to come back with its ticket (sealed flows)' },
  handshake: { where: 'connector', waitsFor: 'TLS between the connector and the other end of the flow' },
  app: { where: 'connector to app', waitsFor: 'the app to take the connection (and its TLS)' },
  firstByte: { where: 'app', waitsFor: 'the first byte of an answer (http); of the slowest request so far' },
}

const ms = z.number().nonnegative().max(86_400_000)

export const hops = z.partialRecord(z.enum(hopNames), ms).describe('milliseconds at each hop')
export type HopTimes = z.infer<typeof hops>
