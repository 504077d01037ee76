// `sallyport certificates`: those of the public names, when they end and what went wrong.
import { apiOptions, type Command } from '#cli/command.ts'
import { table, write, writeJson } from '#cli/output.ts'

export const certificates: Command = {
  usage: 'certificates',
  summary: 'certificates of the public names: when they end, when they are renewed, what went wrong',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listCertificates')
    if (input.isJson) writeJson(items)
    else if (items.length === 0) write('The web CA of this installation makes them; none comes from files or ACME.')
    else
      write(
        table(
          ['NAME', 'FROM', 'UNTIL', 'NEXT ATTEMPT', 'FAILURES', 'PROBLEM'],
          items.map((item) => [item.name, item.source, item.until, item.nextAttempt, item.failures, item.problem]),
        ),
      )
    return items.some(({ failures }) => failures > 0) ? 1 : 0
  },
}
