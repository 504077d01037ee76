// Commands of event streams: how each is doing. They are declared with apply, as EventStream.
import { apiOptions, type Command } from '#cli/command.ts'
import { table, write, writeJson } from '#cli/output.ts'

export const streamList: Command = {
  usage: 'stream list',
  summary: 'event streams to a SIEM: what each has sent, and what is wrong',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('listStreamStatus', { query: { limit: 1000 } })
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['STREAM', 'KIND', 'STATE', 'SENT', 'LOST', 'LAST', 'FAILING SINCE', 'WHY'],
          items.map((item) => [
            item.name,
            item.kind,
            item.state,
            item.sent,
            item.lost,
            item.sentAt ?? '–',
            item.failingSince ?? '–',
            item.failure ?? '',
          ]),
        ),
      )
    return items.some(({ state }) => state === 'failing') ? 1 : 0
  },
}
