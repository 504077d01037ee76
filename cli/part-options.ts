// What the commands that run a part share: where control is, what must be said, and a start that leaves nothing behind.
import { existsSync, readFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { type Command, type Input, UsageFault } from './command.ts'
import { tokenOptions } from './enrolment-token.ts'
import type { Running } from './running.ts'

export const serverOptions = {
  control: { type: 'string', help: 'address of the API: https://api.<domain>[:port]' },
  address: { type: 'string', help: 'host:port to dial for it, where the name does not resolve' },
  ...tokenOptions,
  data: { type: 'string', help: 'folder for keys and state; made when missing' },
} as const

/** From the flag, or from the variable of its name. */
export function needed(input: Input, name: string, command: Command): string {
  const value = input.text(name) ?? process.env[`SALLYPORT_${name.toUpperCase().replaceAll('-', '_')}`]
  if (value === undefined) throw new UsageFault(`--${name} is needed`, command)
  return value
}

/** A start that fails half way leaves nothing running. */
export function closing(part: Running): (error: unknown) => Promise<never> {
  return async (error) => {
    await part.close()
    throw error
  }
}

export function readPem(file: string): string {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new Fault('configuration-invalid', { hint: `${file} holds no PEM certificate.` })
  return text
}
