// The commands of the connector's own executable; stands in for cli/commands.ts when it is built.
import type { Command } from '#cli/command.ts'
import { connector } from '#cli/commands/connector.ts'
import { doctor } from '#cli/commands/doctor.ts'
import { supportBundle } from '#cli/commands/support-bundle.ts'

export const commandSections: readonly (readonly [string, readonly Command[]])[] = [
  ['Run', [connector]],
  ['See', [doctor, supportBundle]],
]
