// Whether DuckDB's native code is installed for this machine: its packages come one for each platform, and some have
// none. Must never load it: asking is for processes that carry traffic.
import { createRequire } from 'node:module'

/** Without it an installation works with the journal's segments alone, which then stay. */
export function isEngineInstalled(platform: string = process.platform, arch: string = process.arch): boolean {
  const musl = platform === 'linux' && !isGlibc() ? '-musl' : ''
  try {
    const own = createRequire(import.meta.url)
    const bindings = createRequire(createRequire(own.resolve('@duckdb/node-api')).resolve('@duckdb/node-bindings'))
    bindings.resolve(`@duckdb/node-bindings-${platform}-${arch}${musl}/duckdb.node`)
    return true
  } catch {
    return false
  }
}

function isGlibc(): boolean {
  // Else it would look up names for every open socket.
  Reflect.set(process.report, 'excludeNetwork', true)
  const { header } = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime !== undefined
}
