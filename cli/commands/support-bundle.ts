// `sallyport support-bundle`: one file for whoever helps, with secrets removed, to be read before it is sent.
import { existsSync, writeFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import type { Command } from '#cli/command.ts'
import { write } from '#cli/output.ts'
import { SOFTWARE } from '#cli/version.ts'

export const supportBundle: Command = {
  usage: 'support-bundle FILE',
  summary: 'write what helps to help into one JSON file: versions, files by name, ends of logs; secrets removed',
  options: {
    data: {
      type: 'string',
      multiple: true,
      help: 'data folder whose files are listed by name and size; may be repeated',
    },
    log: { type: 'string', multiple: true, help: 'log or configuration file whose end is taken; may be repeated' },
    metrics: { type: 'string', help: 'host:port of a part started with --metrics, asked for its figures' },
  },
  positionals: [1, 1],
  async run(input) {
    const { makeBundle } = await import('#operations/support/bundle.ts')
    const { diagnoseMachine } = await import('#operations/doctor/diagnose-machine.ts')
    const file = input.words[0] ?? ''
    if (existsSync(file)) throw new Fault('configuration-invalid', { hint: `${file} exists already.` })
    const folders = input.list('data')
    const doctor = await Promise.all(folders.map(async (what) => ({ what, hops: await diagnoseMachine(what) })))
    const bundle = await makeBundle({
      software: SOFTWARE,
      folders,
      files: input.list('log'),
      doctor,
      metrics: await figuresOf(input.text('metrics')),
      environment: process.env,
      nowMs: Date.now(),
    })
    writeFileSync(file, bundle, { mode: 0o600, flag: 'wx' })
    write(`Written to ${file}. Read it before you send it: names of people, hosts and apps may be in its logs.`)
    return 0
  },
}

async function figuresOf(address: string | undefined): Promise<string | null> {
  if (address === undefined) return null
  const token = process.env['SALLYPORT_METRICS_TOKEN']
  try {
    const answer = await fetch(`http://${address}/metrics`, {
      redirect: 'error',
      signal: AbortSignal.timeout(5000),
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    })
    return (await answer.text()).slice(0, 1_000_000)
  } catch (error) {
    return `not reachable: ${String(error)}`
  }
}
