// Where a part's one-time enrolment token comes from: a file, standard input, the environment, or the command line, which
// others on the machine can read. Must never print it, nor take two at once.
import { closeSync, openSync, readSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import { type Command, type Input, UsageFault } from '#cli/command.ts'

export const tokenOptions = {
  token: {
    type: 'string',
    help: 'one-time enrolment token, needed at the first start only; other accounts can see it in the list of processes',
  },
  'token-file': { type: 'string', help: 'file that holds it instead; - for standard input (or set SALLYPORT_TOKEN)' },
} as const

const MAX_TOKEN_BYTES = 4096

export function enrolmentToken(input: Input, command: Command): string {
  const [given, file] = [input.text('token'), input.text('token-file')]
  if (given !== undefined && file !== undefined) throw new UsageFault('Give --token or --token-file, not both', command)
  const token = file === undefined ? (given ?? process.env['SALLYPORT_TOKEN']) : readToken(file)
  if (token === undefined || token === '') {
    throw new UsageFault('--token-file, --token or SALLYPORT_TOKEN is needed at the first start', command)
  }
  return token
}

function readToken(file: string): string {
  const bytes = Buffer.alloc(MAX_TOKEN_BYTES + 1)
  let filled = 0
  try {
    const descriptor = file === '-' ? 0 : openSync(file, 'r')
    try {
      for (let read = -1; read !== 0 && filled < bytes.length; filled += read) {
        read = readSync(descriptor, bytes, filled, bytes.length - filled, null)
      }
    } finally {
      if (descriptor !== 0) closeSync(descriptor)
    }
  } catch (cause) {
    throw new Fault('configuration-invalid', { hint: 'The file of --token-file cannot be read.', cause })
  }
  const text = bytes.toString('utf8', 0, filled).trim()
  if (filled > MAX_TOKEN_BYTES || !/^[\x21-\x7e]+$/.test(text)) {
    throw new Fault('configuration-invalid', { hint: '--token-file holds no token: one line is expected.' })
  }
  return text
}
