// Starts a connector as its own process and says what it has loaded and on what it listens, for connector-process.test.ts.
// Must never be imported by product code.
import { readFile, readdir, readlink } from 'node:fs/promises'
import { enableCompileCache, registerHooks } from 'node:module'

enableCompileCache(process.argv[3])
const loaded: string[] = []
registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url)
    return nextLoad(url, context)
  },
})
const { startConnector } = await import('./connector.ts')
const linked = Promise.withResolvers<void>()
const log = (message: string) => message === 'linked to the exchange' && linked.resolve()
const connector = await startConnector({ stateFolder: process.argv[2] ?? '', drainMs: 0 }, { log })
await linked.promise
const inodes = new Set<string>()
for (const fd of await readdir('/proc/self/fd')) {
  const inode = /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/self/fd/${fd}`).catch(() => ''))?.[1]
  if (inode !== undefined) inodes.add(inode)
}
const tables = await Promise.all(
  ['tcp', 'tcp6', 'udp', 'udp6'].map((name) => readFile(`/proc/self/net/${name}`, 'utf8')),
)
const sockets = tables.flatMap((table) => table.split('\n').slice(1)).map((line) => line.trim().split(/\s+/))
// 0A: a listening TCP socket; 07: a UDP socket that takes packets from anyone.
const listening = sockets.filter(
  ([, , , state, , , , , , inode]) => inodes.has(inode ?? '') && /^(0A|07)$/.test(state ?? ''),
)
process.stdout.write(JSON.stringify({ listening, loaded, residentBytes: process.memoryUsage().rss }))
await connector.close()
