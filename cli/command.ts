// The form of a command: its words, its options, and what it does. `sallyport help` is made from these.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { Fault } from '#core/fault.ts'
import { type ApiClient, apiClient } from './api-client.ts'
import { readProfile } from './profile.ts'

export type Options = NonNullable<ParseArgsConfig['options']>
export type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

export type Command = {
  /** e.g. `session end ID` */
  readonly usage: string
  readonly summary: string
  readonly options?: Readonly<Record<string, Options[string] & { readonly help: string }>>
  /** Positional arguments after the verb: at least, at most. */
  readonly positionals: readonly [number, number]
  run(input: Input): Promise<number>
}

export type Input = {
  readonly words: readonly string[]
  readonly values: Values
  text(name: string): string | undefined
  flag(name: string): boolean
  list(name: string): readonly string[]
  api(): ApiClient
  readonly isJson: boolean
  readonly signal: AbortSignal
}

/** Options of every command that speaks to the control plane. */
export const apiOptions = {
  profile: { type: 'string', help: 'name or file of the profile (default: SALLYPORT_PROFILE, then "default")' },
  tenant: { type: 'string', help: "another tenant than the profile's" },
  json: { type: 'boolean', help: 'write JSON for machines' },
} as const

export function parseInput(command: Command, args: readonly string[], signal: AbortSignal): Input {
  let parsed: { values: Values; positionals: string[] }
  try {
    const options: Options = {}
    for (const [name, { type, short, multiple }] of Object.entries(command.options ?? {})) {
      options[name] = { type, ...(short !== undefined && { short }), ...(multiple !== undefined && { multiple }) }
    }
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true }) as typeof parsed
  } catch (cause) {
    throw new UsageFault(cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : '', command)
  }
  const { values, positionals } = parsed
  const [least, most] = command.positionals
  if (positionals.length < least) throw new UsageFault('An argument is missing', command)
  if (positionals.length > most) throw new UsageFault(`"${positionals[most] ?? ''}" is one argument too many`, command)
  return {
    words: positionals,
    values,
    text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    flag: (name) => values[name] === true,
    list: (name) => {
      const value = values[name]
      return Array.isArray(value) ? value.map(String) : typeof value === 'string' ? [value] : []
    },
    api: () => apiClient(readProfile(values['profile'] as string | undefined, values['tenant'] as string | undefined)),
    isJson: values['json'] === true,
    signal,
  }
}

/** The command line is wrong: exit code 2, with the usage. */
export class UsageFault extends Error {
  readonly command: Command | null
  constructor(message: string, command: Command | null) {
    super(message)
    this.command = command
  }
}

/** `90s`, `15m`, `12h`, `30d` → seconds. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text)
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match?.[2] ?? '']
  if (!match || unit === undefined || match[1] === '0') {
    throw new Fault('request-malformed', { hint: `"${text}" is not a duration; write 90s, 15m, 12h or 30d.` })
  }
  return Number(match[1]) * unit
}
