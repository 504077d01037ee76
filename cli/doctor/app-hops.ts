// From the exchange to an app, by really opening it as this person: policy, connector, app. Must never send the app more
// than an empty question for its first page.
import { request, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { OpenedFlow } from '#agent/open-flow.ts'
import { asFault, type FaultCode } from '#core/fault.ts'
import { caps } from '#operations/caps.ts'
import { look, skipped, type DoctorHop, type Finding, type HopResult } from '#operations/doctor/hop.ts'

const order = ['policy', 'connector', 'app'] as const

type Outcome =
  | { readonly kind: 'came-through'; readonly said: string }
  | { readonly kind: 'stopped'; readonly at: (typeof order)[number]; readonly finding: Finding }

export async function diagnoseApp(open: () => Promise<OpenedFlow>, app: { host: string; isHttp: boolean }) {
  const startedMs = performance.now()
  const outcome = await throughTo(open, app)
  const ms = Math.round((performance.now() - startedMs) * 10) / 10
  const at = outcome.kind === 'stopped' ? order.indexOf(outcome.at) : order.length
  return await Promise.all(
    order.map(async (hop: DoctorHop, index): Promise<HopResult> => {
      if (outcome.kind === 'stopped' && index === at) return { ...(await look(hop, async () => outcome.finding)), ms }
      if (index > at) return skipped(hop)
      const said = { policy: 'allowed', connector: 'accepted the flow', app: '' }[order[index] ?? 'app']
      return {
        hop,
        status: 'ok',
        ms: 0,
        said: said || (outcome.kind === 'came-through' ? outcome.said : ''),
        advice: null,
      }
    }),
  )
}

async function throughTo(open: () => Promise<OpenedFlow>, app: { host: string; isHttp: boolean }): Promise<Outcome> {
  try {
    const opened = await open()
    if (opened.kind === 'refused') return refused(opened.denial.reason, opened.denial.message, opened.denial.advice)
    try {
      if (!app.isHttp) return { kind: 'came-through', said: `takes connections (${opened.way})` }
      return await firstPage(opened.socket, app.host)
    } finally {
      opened.socket.destroy()
    }
  } catch (error) {
    const { code, message } = asFault(error)
    return faulty(code, message)
  }
}

function refused(reason: string, message: string, advice: string): Outcome {
  const at = reason === 'no-connector' ? 'connector' : reason.startsWith('upstream-') ? 'app' : 'policy'
  return { kind: 'stopped', at, finding: { said: `${reason}: ${message}`, advice: adviceFor(at, advice) } }
}

function faulty(code: FaultCode, message: string): Outcome {
  const at = code.startsWith('upstream-')
    ? 'app'
    : code === 'no-connector' || code === 'grant-refused' || code === 'certificate-refused' || code === 'ticket-refused'
      ? 'connector'
      : 'policy'
  return { kind: 'stopped', at, finding: { said: `${code}: ${message}`, advice: adviceFor(at, '') } }
}

function adviceFor(at: (typeof order)[number], told: string): string {
  const own = {
    policy: '"sallyport policy explain" shows what policy decides for this person and app, and why.',
    connector: '"sallyport connector list": is one of the app\'s group linked? Then the log of the connector.',
    app: 'From the machine of the connector: does the app answer at the host and port of its upstream?',
  }[at]
  return told === '' ? own : `${told} ${own}`
}

/** An http app is decided request by request: only one that is asked says where it stops. */
async function firstPage(socket: Socket, host: string): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const asking = request({ createConnection: () => socket, path: '/', headers: { host, connection: 'close' } })
  const timer = setTimeout(() => resolve(faulty('upstream-timeout', 'no answer in time')), caps.doctorMs.default)
  asking.on('error', (error) => resolve(faulty('upstream-malformed', error.message)))
  asking.once('response', (response: IncomingMessage) => {
    response.resume()
    const reason = response.headers['sallyport-reason']
    const status = response.statusCode ?? 0
    if (typeof reason === 'string') resolve(refused(reason, `status ${status}`, ''))
    else if (status === 502 || status === 504) resolve(faulty('upstream-unreachable', `status ${status}`))
    else resolve({ kind: 'came-through', said: `answers with status ${status}` })
  })
  asking.end()
  return promise.finally(() => clearTimeout(timer))
}
