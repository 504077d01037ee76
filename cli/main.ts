// The one program. Finds the command, runs it, and turns faults into one clear sentence and an exit code:
// 0 done, 1 refused or not so, 2 wrong usage, 69 unreachable, 70 our fault, 78 wrong configuration.
import { inspect } from 'node:util'
import { asFault, type FaultCode } from '#core/fault.ts'
import { parseInput, UsageFault } from './command.ts'
import { findCommand, helpOf, overview } from './commands.ts'
import { safe, write, writeError } from './output.ts'

const exitCodes: Partial<Record<FaultCode, number>> = {
  'control-unreachable': 69,
  'configuration-invalid': 78,
  'address-in-use': 69,
  internal: 70,
}

async function main(args: readonly string[]): Promise<number> {
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort())
  if (args.length === 0 || args[0] === 'help' || args[0] === '--help') {
    const named = args.length > 1 ? findCommand(args.slice(1)) : undefined
    write(named ? helpOf(named.command) : overview())
    return args.length === 0 ? 2 : 0
  }
  const found = findCommand(args)
  if (!found) throw new UsageFault(`There is no command "${args.slice(0, 2).join(' ')}"`, null)
  if (found.rest.includes('--help')) {
    write(helpOf(found.command))
    return 0
  }
  return await found.command.run(parseInput(found.command, found.rest, abort.signal))
}

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
    const fault = asFault(error)
    const cause = fault.code === 'internal' && fault.cause instanceof Error ? ` (${fault.cause.message})` : ''
    writeError(`sallyport: ${fault.code}: ${safe(fault.message + cause)}`)
    if (process.env['SALLYPORT_DEBUG']) writeError(inspect(fault, { depth: 4 }))
    process.exitCode = exitCodes[fault.code] ?? 1
  }
}
