// The form of log lines: one event name and flat fields. Parts get a `Log` through their deps.
// Must never be given a secret, cookie or body; `id` ties lines of one flow together from door to app.
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void

export const silentLog: Log = () => {}
