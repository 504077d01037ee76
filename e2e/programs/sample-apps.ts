// The demo's sample apps in a process of their own, as private apps beside a connector. Says their ports in one line.
//   node sample-apps.ts FOLDER
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startEcho } from '#demo/echo.ts'
import { startFiles } from '#demo/files.ts'
import { startWiki } from '#demo/wiki.ts'

export type SampleAppPorts = {
  readonly wiki: number
  readonly globexWiki: number
  readonly files: number
  readonly echo: number
}

async function main(folder: string): Promise<void> {
  const made = (name: string) => {
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const [wiki, globexWiki, files, echo] = await Promise.all([
    startWiki(made('acme')),
    startWiki(made('globex')),
    startFiles(),
    startEcho(),
  ])
  const ports: SampleAppPorts = { wiki: wiki.port, globexWiki: globexWiki.port, files: files.port, echo: echo.port }
  process.stdout.write(`${JSON.stringify(ports)}\n`)
}

if (import.meta.main) {
  process.once('SIGTERM', () => process.exit(0))
  await main(process.argv[2] ?? '')
}
