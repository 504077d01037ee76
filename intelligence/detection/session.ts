// A session is one person on one device: seen on a second device, on a second network in turns, or for a second user,
// somebody took it along. Must never forget who held it first.
import { caps } from '#intelligence/caps.ts'
import { keep } from './tenant.ts'
import { plain, raiseOddity, span, type Watch } from './watch.ts'

const TURN_MS = 60 * 60_000

export function watchSession(watch: Watch): void {
  const { state, person, observation } = watch
  const { session, device, network, country, timeMs } = observation
  if (session === '') return
  const trace = state.sessions.get(session)
  if (trace === undefined) {
    const first = { user: person.uid, device, network, country, lastMs: timeMs, lastNetwork: network, atMs: timeMs }
    keep(state.sessions, session, first, caps.sessions.default)
    return
  }
  const channel = 'session-theft'
  if (trace.user !== person.uid)
    raiseOddity(watch, 'session-of-another', channel, () => `with the session of ${plain(trace.user)}`)
  if (device !== '' && trace.device !== '' && device !== trace.device)
    raiseOddity(
      watch,
      'session-two-devices',
      channel,
      () => `with one session on two devices (${plain(trace.device)}, then ${plain(device)})`,
    )
  if (network !== '' && network !== trace.lastNetwork) {
    if (timeMs - trace.lastMs < TURN_MS)
      raiseOddity(
        watch,
        'session-two-networks',
        channel,
        () =>
          `with one session on ${plain(trace.lastNetwork)} and ${span(timeMs - trace.lastMs)} later on ${plain(network)}`,
      )
    trace.lastNetwork = network
  }
  trace.lastMs = Math.max(trace.lastMs, timeMs)
}
