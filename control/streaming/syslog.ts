// Syslog over TLS: RFC 5424 messages, framed by their length as RFC 5425 has it. Syslog has no acknowledgement; a lap ends
// with our end of the connection closed, and counts once the receiver has read to that end and closed its own.
import { connect, type TLSSocket } from 'node:tls'
import { Fault } from '#core/fault.ts'
import type { StreamTarget } from '#core/resources/event-stream.ts'
import { caps } from '#control/caps.ts'
import type { Receiver } from './lap.ts'
import type { ReceiverAddresses } from './receiver-address.ts'

type Target = Extract<StreamTarget, { kind: 'syslog' }>

const LOG_AUDIT = 13
/** OCSF severity 1 to 5 → syslog: informational, notice, warning, error, critical. */
const severities = [6, 6, 5, 4, 3, 2] as const

export function syslogReceiver(target: Target, hostname: string, addresses: ReceiverAddresses): Receiver {
  return {
    lap: { events: caps.streamLapEvents.default, bytes: caps.streamLapBytes.default, ms: caps.streamLapMs.default },
    begin: async (signal) => {
      const socket = await dial(target, addresses, signal)
      const failed = Promise.withResolvers<never>()
      failed.promise.catch(() => {})
      let isOurs = false
      const ended = Promise.withResolvers<void>()
      socket.on('error', (error) => failed.reject(error))
      // A receiver that says something, or closes before we do, did not take everything.
      socket.on('end', () => (isOurs ? ended.resolve() : failed.reject(new Fault('upstream-unreachable'))))
      socket.on('close', (hadError) => {
        if (isOurs && !hadError) ended.resolve()
        else failed.reject(new Fault('upstream-unreachable'))
      })
      socket.resume()
      const onAbort = () => socket.destroy()
      signal.addEventListener('abort', onAbort, { once: true })
      return {
        write: async (event, json) => {
          const frame = frameOf(event, json, hostname)
          if (!socket.write(frame))
            await within(Promise.race([drained(socket), failed.promise]), caps.streamWriteMs.default)
        },
        finish: async () => {
          isOurs = true
          socket.end()
          await within(Promise.race([ended.promise, failed.promise]), caps.streamWriteMs.default)
          signal.removeEventListener('abort', onAbort)
          socket.destroy()
        },
        abort: () => {
          signal.removeEventListener('abort', onAbort)
          socket.destroy()
        },
      }
    },
  }
}

/** One message: priority, version, time, host, program, no process, the OCSF class, no structured data, JSON in ASCII. */
export function frameOf(event: Readonly<Record<string, unknown>>, json: string, hostname: string): Buffer {
  const { severity_id: severity, class_uid: classUid, time } = event
  const level = typeof severity === 'number' ? (severities[severity] ?? 6) : 6
  const at = typeof time === 'number' && Math.abs(time) < 8.64e15 ? new Date(time).toISOString() : '-'
  const id = typeof classUid === 'number' ? `ocsf-${classUid}`.slice(0, 32) : '-'
  const ascii = json.replaceAll(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const message = `<${LOG_AUDIT * 8 + level}>1 ${at} ${hostname.slice(0, 255)} sallyport - ${id} - ${ascii}`
  return Buffer.from(`${message.length} ${message}`, 'latin1')
}

async function dial(target: Target, addresses: ReceiverAddresses, signal: AbortSignal): Promise<TLSSocket> {
  const address = await addresses.resolve(target.host)
  signal.throwIfAborted()
  const name = target.serverName ?? target.host
  const socket = connect({
    host: address,
    port: target.port,
    // An address is no server name; it is compared with the certificate all the same.
    ...(/[a-z]/i.test(name) && !name.includes(':') && { servername: name }),
    minVersion: 'TLSv1.2',
    ...(target.caPem !== undefined && { ca: target.caPem }),
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.once('secureConnect', resolve)
  socket.once('error', reject)
  const onAbort = () => reject(new Fault('closing'))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await within(promise, caps.streamConnectMs.default)
    return socket
  } catch (error) {
    socket.on('error', () => {})
    socket.destroy()
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    socket.removeListener('error', reject)
  }
}

function drained(socket: TLSSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('drain', resolve)
  return promise
}

/** Throws Fault `upstream-timeout`. */
export async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Fault('upstream-timeout')), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}
