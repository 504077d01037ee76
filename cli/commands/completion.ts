// `sallyport completion SHELL`: completes commands and their options, from the same table as `sallyport help`.
// Asks nothing of a server: completing must never send a word that somebody is still typing.
import type { Command } from '#cli/command.ts'
import { UsageFault } from '#cli/command.ts'
import { write } from '#cli/output.ts'

type Table = () => readonly Command[]
type Words = { readonly verb: string; readonly options: readonly string[]; readonly summary: string }

/** The command, given the table that it is itself part of. */
export function completionOf(commands: Table): Command {
  const command: Command = {
    usage: 'completion SHELL',
    summary: 'Print completion for bash, zsh or fish: source <(sallyport completion bash)',
    positionals: [1, 1],
    async run({ words }) {
      const script = scripts[words[0] ?? '']
      if (!script)
        throw new UsageFault(`There is no completion for "${words[0] ?? ''}"; take bash, zsh or fish`, command)
      write(script(commands().map(wordsOf)))
      return 0
    },
  }
  return command
}

function wordsOf({ usage, summary, options }: Command): Words {
  return {
    verb: usage.split(/ (?=[A-Z[-])/)[0] ?? '',
    options: Object.keys(options ?? {}).map((name) => `--${name}`),
    summary,
  }
}

const scripts: Readonly<Record<string, (commands: readonly Words[]) => string>> = { bash, zsh, fish }

/** Words that may follow each beginning: '' → run, agent …; 'agent' → login, up … */
function following(commands: readonly Words[]): ReadonlyMap<string, readonly string[]> {
  const next = new Map<string, Set<string>>()
  for (const { verb } of commands) {
    const parts = verb.split(' ')
    parts.forEach((part, at) => {
      const before = parts.slice(0, at).join(' ')
      next.set(before, (next.get(before) ?? new Set()).add(part))
    })
  }
  return new Map([...next].map(([before, words]) => [before, [...words].toSorted()]))
}

function bash(commands: readonly Words[]): string {
  const cases = new Map<string, string[]>()
  for (const [before, words] of following(commands)) cases.set(before, [...words])
  for (const { verb, options } of commands) cases.set(verb, [...(cases.get(verb) ?? []), ...options, '--help'])
  const lines = [...cases].map(([before, words]) => `    '${before}') words='${words.join(' ')}' ;;`)
  return [
    '_sallyport() {',
    '  local before="" word words=""',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$word" in -*) ;; *) before="${before:+$before }$word" ;; esac',
    '  done',
    '  while :; do',
    '    case "$before" in',
    ...lines.map((line) => `  ${line}`),
    '      *) before="${before% *}"; [ "${before#* }" != "$before" ] && continue ;;',
    '    esac',
    '    break',
    '  done',
    '  COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
    '}',
    'complete -o default -F _sallyport sallyport',
  ].join('\n')
}

function zsh(commands: readonly Words[]): string {
  return ['autoload -U +X bashcompinit && bashcompinit', bash(commands)].join('\n')
}

function fish(commands: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  return [
    'complete -c sallyport -f',
    ...[...following(commands)].map(([before, words]) => {
      const condition =
        before === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${before.split(' ').at(-1) ?? ''}`
      return `complete -c sallyport -n ${quote(condition)} -a ${quote(words.join(' '))}`
    }),
    ...commands.flatMap(({ verb, options }) =>
      options.map(
        (option) =>
          `complete -c sallyport -n ${quote(`__fish_seen_subcommand_from ${verb.split(' ').at(-1) ?? ''}`)} -l ${option.slice(2)}`,
      ),
    ),
  ].join('\n')
}
