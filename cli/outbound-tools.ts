// Gives an exchange its inspectors and categories for the way to the internet, loaded when the first tenant uses it.
import { join } from 'node:path'
import type { OutboundDeps } from '#exchange/outbound/outbound.ts'
import { partLog } from './log.ts'

export function outboundDeps(dataFolder: string): OutboundDeps {
  const log = partLog('inspection')
  return {
    async load() {
      const { startInspector } = await import('#inspection/inspect.ts')
      const { startFeeds } = await import('#inspection/categories/feeds.ts')
      const feeds = await startFeeds(
        { feeds: [], folder: join(dataFolder, 'categories'), hasStarter: true },
        {
          // No feed is configured, so that nothing is fetched.
          fetchFeed: async () => ({ kind: 'unchanged' }),
          nowMs: Date.now,
          report: (report) => log('a category feed has problems', { ...report }),
        },
      )
      const inspector = startInspector()
      return {
        inspector,
        categoriesOf: (_tenantId, host) => feeds.index.lookup(host),
        async close() {
          await inspector.close()
          await feeds.close()
        },
      }
    },
  }
}
