// Gives an exchange its inspectors, categories and judges of pages for the way to the internet, loaded when the first
// tenant uses it.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { NEWLY_SEEN } from '#exchange/outbound/web-access.ts'
import type { TenantBrands } from '#exchange/outbound/content-tools.ts'
import type { OutboundDeps } from '#exchange/outbound/outbound.ts'
import type { FeedConfig } from '#inspection/categories/feeds.ts'
import { partLog } from './log.ts'

export type OutboundToolsConfig = {
  readonly feeds?: readonly FeedConfig[]
  /** PEM of authorities to trust for feeds, besides the public ones. */
  readonly extraCaPem?: readonly string[]
}

export function outboundDeps(dataFolder: string, config: OutboundToolsConfig = {}): OutboundDeps {
  const log = partLog('inspection')
  return {
    async load() {
      const { startInspector } = await import('#inspection/inspect.ts')
      const { startFeeds } = await import('#inspection/categories/feeds.ts')
      const { startSeenDomains } = await import('#inspection/categories/seen-domains.ts')
      const { isPromptHost, promptServiceAt, readPrompts } = await import('#inspection/prompts/prompts.ts')
      const { openPage } = await import('#inspection/phishing/page.ts')
      const { guardHeaders, guardPage } = await import('#inspection/phishing/guard-page.ts')
      const { openUrlModel } = await import('#inspection/phishing/url-model.ts')
      const { DnsWatch } = await import('#inspection/dns/dns-watch.ts')
      const { loadPhishingModel } = await import('#inspection/phishing/url-model.ts')
      const { createFeedFetcher } = await import('./fetch-feed.ts')
      const feeds = await startFeeds(
        { feeds: config.feeds ?? [], folder: join(dataFolder, 'categories'), hasStarter: true },
        {
          fetchFeed: createFeedFetcher(config.extraCaPem ?? []),
          nowMs: Date.now,
          report: (report) => log('a category feed has problems', { ...report }),
        },
      )
      const seen = await startSeenDomains(
        { folder: join(dataFolder, 'seen-domains') },
        { nowMs: Date.now, log: (words, facts) => log(words, facts) },
      )
      const inspector = startInspector()
      const model = openUrlModel()
      // One for each tenant's list, for as long as its settings hold it.
      const models = new WeakMap<TenantBrands, ReturnType<typeof made>>()
      const made = (brands: TenantBrands) => {
        const own = brands.map(({ name, domains }) => ({ name, names: [name], domains }))
        return { model: openUrlModel(undefined, own), brands: own }
      }
      const withBrands = (brands: TenantBrands = []) => {
        if (brands.length === 0) return { model }
        const known = models.get(brands) ?? made(brands)
        models.set(brands, known)
        return known
      }
      return {
        inspector,
        categoriesOf(tenantId, host) {
          const found = feeds.index.lookup(host)
          return seen.isNew(tenantId, host) ? [NEWLY_SEEN, ...found] : found
        },
        prompts: { serviceAt: promptServiceAt, isHost: isPromptHost, read: readPrompts },
        pages: {
          open: (url, { brands, ...context }) => openPage(url, context, withBrands(brands)),
          guard: guardPage,
          guardHeaders,
        },
        dnsWatcher: new DnsWatch({ names: loadPhishingModel().names, nowMs: Date.now, seed: randomInt(2 ** 31) }),
        async close() {
          await inspector.close()
          await feeds.close()
          await seen.close()
        },
      }
    },
  }
}
