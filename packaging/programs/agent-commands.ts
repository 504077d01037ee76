// The commands of the agent's own executable; stands in for cli/commands.ts when it is built.
import type { Command } from '#cli/command.ts'
import * as agent from '#cli/commands/agent.ts'
import { doctor } from '#cli/commands/doctor.ts'
import { supportBundle } from '#cli/commands/support-bundle.ts'

export const commandSections: readonly (readonly [string, readonly Command[]])[] = [
  ['Reach apps', [agent.login, agent.up, agent.status, agent.apps, agent.down, agent.logout, agent.repair]],
  ['See', [doctor, supportBundle]],
]
