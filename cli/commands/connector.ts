// `sallyport connector`: runs a connector until it is told to stop. Light by itself, so that a connector's own executable
// holds no other part.
import type { Command } from '#cli/command.ts'
import { enrolmentToken } from '#cli/enrolment-token.ts'
import { parseServer } from '#cli/endpoints.ts'
import { partLog } from '#cli/log.ts'
import { write } from '#cli/output.ts'
import { closing, needed, readPem, serverOptions } from '#cli/part-options.ts'
import { runUntilSignal } from '#cli/running.ts'
import { SOFTWARE } from '#cli/version.ts'
import { restartWhenCold } from '#cli/warm-start.ts'
import { watchConfigOf, watchOptions } from '#cli/watching/options.ts'
import { namingTrust } from './agent.ts'

export const connector: Command = {
  usage: 'connector --control URL --token-file FILE --data FOLDER',
  summary: 'run a connector beside private apps; it dials out and never listens',
  options: {
    ...serverOptions,
    name: { type: 'string', help: 'name of this connector (default: chosen by control)' },
    exchange: { type: 'string', multiple: true, help: 'host:port of an exchange to dial first; others are learnt' },
    ca: { type: 'string', help: 'PEM file of the authority to trust, where the token carries no pin' },
    ...watchOptions,
  },
  positionals: [0, 0],
  async run(input) {
    const data = needed(input, 'data', connector)
    const { enrolConnector } = await import('#connector/enrol.ts')
    const { startConnector } = await import('#connector/connector.ts')
    const { loadIdentity } = await import('#connector/identity.ts')
    const { watch } = await import('#cli/watching/watch.ts')
    const { connectorSamples } = await import('#cli/watching/edge-figures.ts')
    const watchAt = watchConfigOf(input)
    await restartWhenCold()
    const log = partLog('connector')
    if ((await loadIdentity(data)) === undefined) {
      const api = parseServer(needed(input, 'control', connector), input.text('address'))
      const name = input.text('name')
      const caFile = input.text('ca')
      const identity = await enrolConnector({
        token: enrolmentToken(input, connector),
        stateFolder: data,
        api,
        software: SOFTWARE,
        ...(name !== undefined && { name }),
        ...(caFile !== undefined && { caPem: readPem(caFile) }),
      }).catch((fault: unknown) => {
        throw namingTrust(fault, caFile !== undefined, '--ca FILE, or use a token that carries a pin')
      })
      log('enrolled', { connectorId: identity.enrolment.connectorId })
    }
    const exchanges = input.list('exchange')
    const running = await startConnector(
      { stateFolder: data, software: SOFTWARE, ...(exchanges.length > 0 && { exchanges }) },
      { log },
    )
    const watched = await watch(watchAt, {
      part: 'connector',
      collect: () => connectorSamples(running.metrics),
      whyNotReady: () => (running.metrics.links > 0 ? [] : ['no exchange is linked']),
    }).catch(closing(running))
    write(`connector: running; it opens no port${watchAt === undefined ? '' : ' but that of --metrics'}`)
    return await runUntilSignal([watched, running], input.signal)
  },
}
