// sallyport(1), the manual page, from the table of commands.
import { commandSections } from '#cli/commands.ts'

/** roff(7) with the man macros. Text is escaped: a line of ours never becomes a request. */
export function manualPage(): string {
  const commands = commandSections.flatMap(([title, list]) => [
    `.SS ${roff(title)}`,
    ...list.flatMap(({ usage, summary, options }) => [
      '.TP',
      `.B sallyport ${roff(usage)}`,
      roff(summary),
      ...Object.entries(options ?? {}).flatMap(([name, { type, short, help }]) => [
        '.RS',
        '.TP',
        `.B ${roff(`${short === undefined ? '' : `-${short}, `}--${name}${type === 'string' ? ' VALUE' : ''}`)}`,
        roff(help),
        '.RE',
      ]),
    ]),
  ])
  return `${[
    '.TH SALLYPORT 1 "" "Sallyport" "User Commands"',
    '.SH NAME',
    'sallyport \\- people joined to the apps they need, never to a network',
    '.SH SYNOPSIS',
    '.B sallyport',
    '.I command',
    '[\\fIoptions\\fR] [\\fIarguments\\fR]',
    '.SH COMMANDS',
    ...commands,
    '.SH EXIT STATUS',
    '0 done; 1 refused, or not so; 2 wrong usage; 69 something needed cannot be reached; 70 a fault of the program; 78 wrong configuration; 130 interrupted.',
    '.SH ENVIRONMENT',
    '.TP',
    '.B SALLYPORT_PROFILE',
    'Name or file of the profile to use.',
    '.TP',
    '.B SALLYPORT_DEBUG',
    'Set to anything: faults are shown with their causes.',
  ].join('\n')}\n`
}

function roff(text: string): string {
  return (
    text
      .replaceAll('\\', '\\e')
      .replaceAll('-', '\\-')
      .replace(/^([.'])/, '\\&$1')
      .replace(/\s+/g, ' ')
      // groff reads its input as Latin-1: everything beyond ASCII is named by its code point.
      .replace(
        /[^\x20-\x7e]/gu,
        (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
      )
  )
}
