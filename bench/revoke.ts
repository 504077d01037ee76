// Ending a session: how long after the API call the last byte of each of its flows is seen at the peer's socket, and
// when that socket closes. HTTP keep-alive, WebSocket and sealed TCP; parts as separate processes; all flows keep talking.
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { routes } from '#core/api/routes.ts'
import { keptCaller, type KeptCaller } from './kept-caller.ts'
import { type Device, enrolDevices } from './device.ts'
import { type Measured, startMeasured, warmUp } from './product.ts'
import { atMost, type Options, percentile, row, type Row } from './row.ts'

const SESSIONS = 20
const PER_SESSION = 50
const ANEW_EVERY = 6 // of so many sessions one is ended by a caller that connects anew
const OF_ONE_SESSION = 900 // below the exchange's 1,000 per session
const BUSY_MS = 10
const MANY_BUSY_MS = 200
const QUIET_MS = 1000
/** Flows that speak for the first time make the exchange open more to their apps; sessions end in the calm after it. */
const SETTLE_MS = 3000

type Kind = 'TCP' | 'WebSocket' | 'HTTP'
type Live = { readonly kind: Kind; lastByteMs: number; closedMs: number; speak: () => void }

export async function measureRevoke({ isQuick, say }: Options): Promise<readonly Row[]> {
  await using measured = await startMeasured()
  await using opened = new AsyncDisposableStack()
  // An administrator who ends sessions has the console or an API client open: the goal is for such a connection. A
  // program that connects anew for the call waits for a TLS handshake through the busy exchange first: its own row.
  const administrator = opened.use(await keptCaller(measured.product.profileOf('acme')))
  const many = await enrolDevices(isQuick ? 6 : (SESSIONS * ANEW_EVERY) / (ANEW_EVERY - 1), measured.product)
  for (const device of many) opened.use(device)
  for (const device of many) await warmUp(device)

  const flows = new Map<Device, Live[]>()
  for (const device of many) flows.set(device, await openMix(device, PER_SESSION))
  say(`${[...flows.values()].flat().length} flows of ${many.length} sessions live`)
  const last: Record<Kind | 'all', number[]> = { all: [], TCP: [], WebSocket: [], HTTP: [] }
  const closed: number[] = []
  const calls: number[] = []
  const quiet = chatter([...flows.values()].flat(), QUIET_MS)
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
  const anew: number[] = []
  for (const [at, [device, live]] of [...flows].entries()) {
    if (at % ANEW_EVERY === ANEW_EVERY - 1) {
      const ended = await endSession(callAnew(measured), device, live, BUSY_MS, [])
      anew.push(...ended.map(({ lastByteMs }) => lastByteMs))
      continue
    }
    const ended = await endSession(callKept(administrator), device, live, BUSY_MS, calls)
    for (const { kind, lastByteMs, closedMs } of ended) {
      last[kind].push(lastByteMs)
      last.all.push(lastByteMs)
      closed.push(closedMs)
    }
  }
  quiet()
  const lines = [0.5, 0.9, 0.99, 1].map((share) => `p${share * 100} ${percentile(last.all, share).toFixed(1)}`)
  say(`last byte after the API call, ms: ${lines.join(', ')}`)

  const together: number[] = []
  const togetherClosed: number[] = []
  const wide = await enrolDevices(isQuick ? 1 : 3, measured.product)
  for (const device of wide) {
    opened.use(device)
    const live = await openMix(device, isQuick ? 300 : OF_ONE_SESSION)
    // 900 flows that speak every 10 ms would measure the machine, not the cut: together they say as much as the 50 did.
    const ended = await endSession(callKept(administrator), device, live, MANY_BUSY_MS, calls)
    together.push(...ended.map(({ lastByteMs }) => lastByteMs))
    togetherClosed.push(...ended.map(({ closedMs }) => closedMs))
  }
  say(`the calls took, ms: ${calls.map((ms) => ms.toFixed(0)).join(' ')}`)
  const counted =
    'from sending DELETE session on an open connection, 3 s after all began to speak; all parts on this machine'
  const p = (name: string, values: readonly number[], share: number, goal: Row['goal'] = null) =>
    row({
      name: `${name}, p${share * 100}`,
      unit: 'ms',
      values: [percentile(values, share)],
      goal,
      counted: `${values.length} flows; ${counted}`,
    })
  const each = `revocation, ${PER_SESSION} flows a session, last byte`
  return [
    p(each, last.all, 0.5),
    p(each, last.all, 0.99, atMost(50)),
    p(each, last.all, 1),
    ...(['TCP', 'WebSocket', 'HTTP'] as const).map((kind) => p(`… of ${kind}`, last[kind], 0.99)),
    p('… socket closed', closed, 0.99),
    row({
      name: '… by a caller that connects anew, last byte, p99',
      unit: 'ms',
      values: [percentile(anew, 0.99)],
      counted: `${anew.length} flows; from before its TCP connection`,
    }),
    p(`revocation, ${together.length / wide.length} flows of one session at once, last byte`, together, 0.5),
    p(
      `revocation, ${together.length / wide.length} flows of one session at once, last byte`,
      together,
      0.99,
      atMost(50),
    ),
    p('… socket closed', togetherClosed, 0.99),
    row({
      name: 'the call that ends a session, with its receipts',
      unit: 'ms',
      values: calls,
      counted: 'as the administrator waits for it',
    }),
  ]
}

type EndCall = (sessionId: string) => Promise<unknown>

const callAnew =
  ({ api }: Measured): EndCall =>
  (id) =>
    api.call('endSession', { params: { id } })

const callKept =
  (caller: KeptCaller): EndCall =>
  (id) =>
    caller.call(routes.endSession.method, routes.endSession.path.replace(':id', id))

/** Ends the session and waits until each of its flows is closed, at most 5 s. Milliseconds after the call. */
async function endSession(call: EndCall, device: Device, live: readonly Live[], everyMs: number, calls: number[]) {
  const stop = chatter(live, everyMs)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const isDead = live.find(({ closedMs }) => closedMs > 0)
  if (isDead !== undefined) throw new Error(`a ${isDead.kind} flow ended before its session`)
  const calledMs = performance.now()
  await call(device.profile.signedIn.sessionId)
  calls.push(performance.now() - calledMs)
  for (const end = calledMs + 5000; live.some(({ closedMs }) => closedMs === 0);) {
    if (performance.now() > end) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  stop()
  const open = live.filter(({ closedMs }) => closedMs === 0).length
  if (open > 0) throw new Error(`${open} flows outlived their session by 5 s`)
  return live.map(({ kind, lastByteMs, closedMs }) => ({
    kind,
    // A flow whose last byte came before the call was cut faster than it speaks.
    lastByteMs: Math.max(0, lastByteMs - calledMs),
    closedMs: closedMs - calledMs,
  }))
}

function chatter(live: readonly Live[], everyMs: number): () => void {
  // Spread over the interval, so that a cut at any moment falls between bytes of some flow.
  const step = Math.max(1, Math.ceil(live.length / Math.max(1, Math.floor(everyMs / 2))))
  let at = 0
  const timer = setInterval(() => {
    for (let each = 0; each < step; each++) live[at++ % live.length]?.speak()
  }, 2)
  return () => clearInterval(timer)
}

async function openMix(device: Device, count: number): Promise<Live[]> {
  const live: Live[] = []
  const kinds: readonly Kind[] = ['TCP', 'WebSocket', 'HTTP']
  while (live.length < count) {
    const batch = Math.min(10, count - live.length)
    const base = live.length
    live.push(
      ...(await Promise.all(
        Array.from({ length: batch }, (_, at) => openOne(device, kinds[(base + at) % 3] ?? 'TCP')),
      )),
    )
  }
  return live
}

async function openOne(device: Device, kind: Kind): Promise<Live> {
  const socket = await device.open(kind === 'TCP' ? 'mirror.acme.test' : 'traffic.acme.test', kind === 'TCP' ? 7 : 80)
  const live: Live = { kind, lastByteMs: 0, closedMs: 0, speak: () => {} }
  if (kind === 'WebSocket') await speakWebSocket(socket, live)
  else {
    const line = kind === 'TCP' ? 'tick\n' : 'GET / HTTP/1.1\r\nHost: traffic.acme.test\r\n\r\n'
    let isWaiting = false
    live.speak = () => {
      if (isWaiting || socket.destroyed) return
      isWaiting = true
      socket.write(line)
    }
    socket.on('data', () => (isWaiting = false))
    const first = new Promise<void>((resolve, reject) => {
      socket.once('data', () => resolve())
      socket.once('close', () => reject(new Error(`${kind} closed at once`)))
    })
    live.speak()
    await first
  }
  socket.on('data', () => (live.lastByteMs = performance.now()))
  socket.once('close', () => (live.closedMs ||= performance.now()))
  socket.once('end', () => socket.destroy())
  return live
}

async function speakWebSocket(socket: Duplex, live: Live): Promise<void> {
  const client = new WebSocket('ws://traffic.acme.test/', { createConnection: () => socket as never })
  client.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    client.once('open', resolve)
    client.once('close', () => reject(new Error('WebSocket closed at once')))
  })
  live.speak = () => {
    if (client.readyState === WebSocket.OPEN) client.send('tick')
  }
}
