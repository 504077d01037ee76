// The `web` commands: a person's own credentials for the explicit proxy. A secret is printed once and kept nowhere.
import { apiOptions, parseDuration, type Command } from '#cli/command.ts'
import { table, write, writeJson } from '#cli/output.ts'
import { effectLine } from './effect.ts'

const DEFAULT_LIFE = '30d'

export const webCredentialCreate: Command = {
  usage: 'web credential create NAME',
  summary: 'make a credential of your own for a machine without the agent; it opens the internet and no app',
  options: {
    expires: { type: 'string', help: `how long it lives, 90d at most (default ${DEFAULT_LIFE})` },
    ...apiOptions,
  },
  positionals: [1, 1],
  async run(input) {
    const expiresInSeconds = parseDuration(input.text('expires') ?? DEFAULT_LIFE)
    const made = await input.api().call('createMyWebCredential', {
      body: { name: input.words[0] ?? '', expiresInSeconds },
    })
    if (input.isJson) writeJson(made)
    else {
      write(`proxy     ${made.proxy}\nuser      ${made.user}\npassword  ${made.secret}`)
      write(`Shown once. Good until ${made.expiresAt}; "sallyport web credential delete ${made.id}" ends it.`)
    }
    return 0
  },
}

export const webCredentialList: Command = {
  usage: 'web credential list',
  summary: 'your credentials for the explicit proxy, without their secrets',
  options: apiOptions,
  positionals: [0, 0],
  async run(input) {
    const { items } = await input.api().call('myWebCredentials')
    if (input.isJson) writeJson(items)
    else
      write(
        table(
          ['CREDENTIAL', 'NAME', 'MADE', 'UNTIL'],
          items.map((item) => [item.id, item.name, item.createdAt, item.expiresAt]),
        ),
      )
    return 0
  },
}

export const webCredentialDelete: Command = {
  usage: 'web credential delete ID',
  summary: 'end one of your credentials for the explicit proxy, and what goes through it',
  options: apiOptions,
  positionals: [1, 1],
  async run(input) {
    const effect = await input.api().call('deleteMyWebCredential', { params: { id: input.words[0] ?? '' } })
    if (input.isJson) writeJson(effect)
    else write(effectLine(effect))
    return effect.missing.length === 0 ? 0 : 1
  },
}
