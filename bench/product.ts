// The product as the bench runs it: every part its own process, as people run it, and the bench's own app published.
import { fileURLToPath } from 'node:url'
import { apiClient, type ApiClient } from '#cli/api-client.ts'
import { startApart } from '#e2e/product-apart.ts'
import type { Product } from '#e2e/product.ts'
import { type Child, runUntilLine } from '#e2e/run-sallyport.ts'
import type { Device } from './device.ts'

export type Measured = AsyncDisposable & {
  readonly product: Product
  readonly api: ApiClient
  /** Process ids by part; `apps` is the bench's app. */
  readonly pids: Readonly<Record<'control' | 'exchange' | 'connector' | 'apps', number>>
  readonly ports: { readonly http: number; readonly echo: number; readonly source: number }
}

export async function startMeasured(): Promise<Measured> {
  await using opened = new AsyncDisposableStack()
  const product = opened.use(await startApart())
  const command = [process.execPath, fileURLToPath(new URL('./traffic-app.ts', import.meta.url))]
  const app = await runUntilLine(command, /^\{/)
  opened.defer(() => app.stop())
  const ports = JSON.parse(app.line) as Measured['ports']
  const api = apiClient(product.profileOf('acme'))
  await publishTraffic(api, ports)
  const pidOf = (part: string) => pid(product.processes.get(part))
  const running = opened.move()
  return {
    product,
    api,
    ports,
    pids: { control: pidOf('control'), exchange: pidOf('exchange'), connector: pidOf('acme'), apps: pid(app) },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

function pid(child: Child | undefined): number {
  if (child?.process.pid === undefined) throw new Error('a part is not running')
  return child.process.pid
}

export async function publishTraffic(api: ApiClient, ports: Measured['ports']): Promise<void> {
  const app = (name: string, kind: string, port: number, upstreamPort: number) => ({
    kind: 'App',
    name,
    spec: {
      kind,
      connectorGroup: 'office',
      names: [{ host: `${name}.acme.test`, ports: [String(port)] }],
      upstream: { host: '127.0.0.1', port: upstreamPort },
    },
  })
  const documents = [
    app('traffic', 'http', 80, ports.http),
    app('mirror', 'tcp', 7, ports.echo),
    app('source', 'tcp', 19, ports.source),
  ]
  // Whoever was approved for an app reaches it: control asks about that for every new app.
  await api.call('apply', { body: { documents, allowWidening: true } })
}

/** Opens and ends one flow; again until it works, because a change takes a moment to reach connectors. */
export async function warmUp(device: Device, host = 'mirror.acme.test', port = 7): Promise<void> {
  const end = performance.now() + 20_000
  for (;;) {
    try {
      ;(await device.open(host, port)).destroy()
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}
