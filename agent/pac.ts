// The PAC file: app names go through the local HTTP proxy, and so does the internet where the tenant has a way to it;
// everything else goes its own way. Must never contain text that is not plainly a host name, nor addresses behind
// connectors.
import { hostName, hostPattern } from '#core/names.ts'

export const PAC_TYPE = 'application/x-ns-proxy-autoconfig'

/** `direct`: names that go their own way, with everything below them, although the internet goes through the proxy. */
export type PacWeb = { readonly direct: readonly string[] }

export function pacFile(patterns: Iterable<string>, proxy: string, web?: PacWeb): string {
  const hosts: string[] = []
  const suffixes: string[] = []
  for (const pattern of patterns) {
    if (!hostPattern.safeParse(pattern).success) continue
    if (pattern.startsWith('*.')) suffixes.push(pattern.slice(1))
    else hosts.push(pattern)
  }
  const table = (names: readonly string[]) =>
    JSON.stringify(Object.fromEntries(names.toSorted().map((name) => [name, 1])))
  return `// Names of your organisation's apps; made by sallyport agent.
var hosts = ${table(hosts)};
var suffixes = ${table(suffixes)};
function FindProxyForURL(url, host) {
  var name = host.toLowerCase().replace(/\\.$/, '');
  var dot = name.indexOf('.');
  var has = Object.prototype.hasOwnProperty;
  if (has.call(hosts, name) || (dot > 0 && has.call(suffixes, name.slice(dot)))) return 'PROXY ${proxy}';
${web === undefined ? '' : webPart(web, proxy, table)}  return 'DIRECT';
}
`
}

/** No DIRECT after the proxy: when it is away, the way out is closed and not unguarded. */
function webPart({ direct }: PacWeb, proxy: string, table: (names: readonly string[]) => string): string {
  const names = direct.filter((name) => hostName.safeParse(name).success)
  return `  if (dot < 0 || /(^|\\.)(localhost|local|internal|home\\.arpa)$/.test(name)) return 'DIRECT';
  if (/^(127|10|192\\.168|169\\.254|172\\.(1[6-9]|2\\d|3[01]))(\\.\\d+)+$/.test(name) || name.indexOf(':') >= 0) return 'DIRECT';
  var direct = ${table(names)};
  for (var rest = name; rest !== ''; rest = rest.indexOf('.') < 0 ? '' : rest.slice(rest.indexOf('.') + 1)) {
    if (has.call(direct, rest)) return 'DIRECT';
  }
  if (/^(https?|wss?):/.test(url)) return 'PROXY ${proxy}';
`
}
