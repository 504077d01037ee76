// The one program. Finds the command, runs it, and turns faults into one clear sentence and an exit code:
// 0 done, 1 refused or not so, 2 wrong usage, 69 unreachable, 70 our fault, 78 wrong configuration.
import { inspect } from 'node:util'
import { asFault, Fault, type FaultCode } from '#core/fault.ts'
import { parseInput, UsageFault } from './command.ts'
import { findCommand, helpOf, listOf, overview } from './find-command.ts'
import { safe, write, writeError } from './output.ts'
import { SOFTWARE } from './version.ts'

const exitCodes: Partial<Record<FaultCode, number>> = {
  'control-unreachable': 69,
  'configuration-invalid': 78,
  'address-in-use': 69,
  internal: 70,
}

function unknownCommand(args: readonly string[]): UsageFault {
  return new UsageFault(`There is no command "${args.slice(0, 2).join(' ')}"`, null)
}

/** A file that cannot be read is the caller's to mend, not a fault of ours. */
function faultOf(error: unknown): Fault {
  const { code, path } = (error ?? {}) as NodeJS.ErrnoException
  if (error instanceof Fault || path === undefined) return asFault(error)
  const why = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a folder',
    ENOTDIR: 'not a folder',
  }[code ?? '']
  return why === undefined
    ? asFault(error)
    : new Fault('configuration-invalid', { hint: `${path}: ${why}.`, cause: error })
}

/** Codes whose hint says all: the general sentence in front of it would only be in the way. */
const saidByHint: ReadonlySet<FaultCode> = new Set([
  'configuration-invalid',
  'request-malformed',
  'reference-unknown',
  'not-found',
  'not-signed-in',
  'address-in-use',
])

/** What to tell a person: a line of the text each, every further one indented, so that none passes for one of ours. */
function told(fault: Fault): string {
  const text = fault.hint !== undefined && saidByHint.has(fault.code) ? fault.hint : fault.message
  return text
    .split('\n')
    .map((line) => safe(line).trimEnd())
    .filter((line) => line !== '')
    .join('\n  ')
}

async function main(args: readonly string[]): Promise<number> {
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
  if (args.length === 0 || args[0] === 'help' || args[0] === '--help') {
    const topic = args.slice(1)
    const named = findCommand(topic)
    if (named === undefined && topic.length > 0 && listOf(topic) === undefined) throw unknownCommand(topic)
    write(named ? helpOf(named.command) : (listOf(topic) ?? overview()))
    return args.length === 0 ? 2 : 0
  }
  const found = findCommand(args)
  if (args[0] === '--version' || args[0] === 'version') {
    write(SOFTWARE)
    return 0
  }
  const verbs = listOf(args.slice(0, 1))
  if (!found && verbs !== undefined && (args.length === 1 || args[1] === '--help')) {
    write(verbs)
    return args.length === 1 ? 2 : 0
  }
  if (!found) throw unknownCommand(args)
  if (found.rest.includes('--help')) {
    write(helpOf(found.command))
    return 0
  }
  return await found.command.run(parseInput(found.command, found.rest, abort.signal))
}

// Whoever reads on the other side of a pipe (`| head`) may have seen enough; that is no fault.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 74))

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageFault) {
    writeError(`sallyport: ${safe(error.message)}.`)
    writeError(
      error.command
        ? `usage: sallyport ${error.command.usage}\nMore: sallyport help ${error.command.usage.split(/ [A-Z[-]/)[0] ?? ''}`
        : 'See: sallyport help',
    )
    process.exitCode = 2
  } else if (error instanceof Error && error.name === 'AbortError') {
    process.exitCode = 130
  } else {
    const fault = faultOf(error)
    const cause = fault.code === 'internal' && fault.cause instanceof Error ? ` (${fault.cause.message})` : ''
    if (process.argv.includes('--json'))
      writeError(JSON.stringify({ error: { code: fault.code, message: fault.message + cause } }))
    else writeError(`sallyport: ${fault.code}: ${told(fault)}${safe(cause)}`)
    if (process.env['SALLYPORT_DEBUG']) writeError(inspect(fault, { depth: 4 }))
    process.exitCode = exitCodes[fault.code] ?? 1
  }
}
