// Finds a command by its words and says what commands there are. Knows none itself: the table does, and an executable of
// one part is built with a smaller one.
import type { Command } from './command.ts'
import { commandSections } from './commands.ts'

const all = commandSections.flatMap(([, commands]) => commands)

/** `session end ID` → ['session', 'end'] */
function verbOf(command: Command): readonly string[] {
  return (command.usage.split(/ (?=[A-Z[-])/)[0] ?? '').split(' ')
}

/** The command with the longest verb that the arguments begin with: `connector list` before `connector`. */
export function findCommand(
  args: readonly string[],
): { readonly command: Command; readonly rest: readonly string[] } | undefined {
  const matches = all.filter((command) => verbOf(command).every((word, at) => args[at] === word))
  const command = matches.toSorted((a, b) => verbOf(b).length - verbOf(a).length)[0]
  return command && { command, rest: args.slice(verbOf(command).length) }
}

/** The commands that begin with these words, a line each; undefined when none does. */
export function listOf(words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined
  const matches = all.filter((command) => words.every((word, at) => verbOf(command)[at] === word))
  return matches.length === 0
    ? undefined
    : matches.map(({ usage, summary }) => `sallyport ${usage}\n    ${summary}`).join('\n')
}

export function overview(): string {
  const width = Math.max(...all.map((command) => command.usage.length))
  const lines = commandSections.flatMap(([title, commands]) => [
    '',
    `${title}:`,
    ...commands.map(({ usage, summary }) => `  sallyport ${usage.padEnd(width)}  ${summary}`),
  ])
  return [
    'Sallyport: people joined to the apps they need, never to a network.',
    ...lines,
    '',
    'sallyport help COMMAND shows its options. Every command that reads takes --json.',
  ].join('\n')
}

export function helpOf(command: Command): string {
  const options = Object.entries(command.options ?? {})
  const name = (entry: (typeof options)[number]) =>
    `${entry[1].short ? `-${entry[1].short}, ` : ''}--${entry[0]}${entry[1].type === 'string' ? ' VALUE' : ''}`
  const width = Math.max(0, ...options.map((entry) => name(entry).length))
  return [
    `usage: sallyport ${command.usage}`,
    '',
    command.summary,
    ...(options.length > 0 ? ['', ...options.map((entry) => `  ${name(entry).padEnd(width)}  ${entry[1].help}`)] : []),
  ].join('\n')
}
