// The PAC file: app names go through the local HTTP proxy, everything else goes its own way. Must never contain text
// that is not plainly a host name, nor addresses behind connectors.
import { hostPattern } from '#core/names.ts'

export const PAC_TYPE = 'application/x-ns-proxy-autoconfig'

export function pacFile(patterns: Iterable<string>, proxy: string): string {
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
  return 'DIRECT';
}
`
}
