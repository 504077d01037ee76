// Dials the app: host and port as verified, over TLS where the slice says so. Must never take the host from anything
// that an exchange or a person sent.
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { Fault } from '#core/fault.ts'
import type { SliceApp } from './slice.ts'

export type DialUpstream = (app: SliceApp, port: number, signal: AbortSignal, deadlineMs: number) => Promise<Socket>

/** A connection to the app. Faults: `upstream-unreachable`, `upstream-timeout`, `closing` when aborted. */
export const dialUpstream: DialUpstream = (app, port, signal, deadlineMs) => {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  if (signal.aborted) return Promise.reject(new Fault('closing'))
  const { host, tls } = app.upstream
  const tcp = { host, port, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }
  const socket: Socket = tls === null ? connectTcp(tcp) : connectTls({ ...tcp, ...tlsOptions(host, tls) })
  const finish = () => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.off('error', onError)
  }
  const fail = (fault: Fault) => {
    finish()
    // What a destroyed socket still reports is of no interest, but must not end the process.
    socket.on('error', () => {})
    socket.destroy()
    reject(fault)
  }
  const onError = (cause: Error) => fail(new Fault('upstream-unreachable', { detail: { app: app.name }, cause }))
  const onAbort = () => fail(new Fault('closing'))
  const timer = setTimeout(() => fail(new Fault('upstream-timeout', { detail: { app: app.name } })), deadlineMs)
  signal.addEventListener('abort', onAbort)
  socket.on('error', onError)
  socket.once(tls === null ? 'connect' : 'secureConnect', () => {
    finish()
    resolve(socket)
  })
  return promise
}

function tlsOptions(host: string, tls: NonNullable<SliceApp['upstream']['tls']>): ConnectionOptions {
  const name = tls.serverName ?? (isIP(host) === 0 ? host : undefined)
  return {
    ...(name !== undefined && { servername: name }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
    rejectUnauthorized: tls.insecureSkipVerify !== true,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
  }
}
