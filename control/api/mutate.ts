// For tests only: loads the store with its tenant predicate taken out, to show that the isolation test would notice.
import { registerHooks } from 'node:module'

/** `<table>`: its predicate is left out and the guard looks away; `<table>!`: only left out. */
const mutation = process.env['SALLYPORT_MUTATION']

function changesOf(text: string): readonly (readonly [file: string, from: string, to: string])[] {
  const table = text.replace('!', '')
  const forget = [
    'control/store/tenant-handle.ts',
    "query.where(`${table}.tenantId`, '=', tenantId)",
    `(table === '${table}' ? query : query.where(\`\${table}.tenantId\`, '=', tenantId))`,
  ] as const
  const lookAway = [
    'control/store/tenant-guard.ts',
    'if (!options.tenantTables.has(table)) continue',
    `if (!options.tenantTables.has(table) || table === '${table}') continue`,
  ] as const
  return text.endsWith('!') ? [forget] : [forget, lookAway]
}

if (mutation !== undefined) {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      for (const [file, from, to] of changesOf(mutation)) {
        if (!url.endsWith(file) || loaded.source === undefined || loaded.source === null) continue
        const source = Buffer.from(loaded.source as string | Uint8Array).toString()
        if (!source.includes(from)) throw new Error(`nothing to change in ${file}`)
        return { ...loaded, source: source.replace(from, to) }
      }
      return loaded
    },
  })
}
