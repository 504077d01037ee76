// The Debian programs that tests run against, installed when we may. Must never be used by the product itself.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** package → a file that proves it is there. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  chromium: ['/usr/bin/chromium'],
  'libnss3-tools': ['/usr/bin/certutil'],
  curl: ['/usr/bin/curl'],
  git: ['/usr/bin/git'],
  'openssh-client': ['/usr/bin/ssh'],
  'openssh-server': ['/usr/sbin/sshd'],
  rsync: ['/usr/bin/rsync'],
  postgresql: ['/usr/lib/postgresql'],
  'postgresql-client': ['/usr/bin/psql'],
  nftables: ['/usr/sbin/nft'],
  iproute2: ['/usr/sbin/ip', '/sbin/ip', '/bin/ip'],
  dnsutils: ['/usr/bin/dig'],
  'clamav-daemon': ['/usr/sbin/clamd'],
  'groff-base': ['/usr/bin/groff'],
  'xz-utils': ['/usr/bin/xz'],
  tcpdump: ['/usr/bin/tcpdump', '/usr/sbin/tcpdump'],
  prometheus: ['/usr/bin/promtool'],
  pebble: ['/usr/bin/pebble'],
  slowhttptest: ['/usr/bin/slowhttptest'],
  'testssl.sh': ['/usr/bin/testssl'],
  rsyslog: ['/usr/sbin/rsyslogd'],
  'rsyslog-gnutls': [
    '/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so',
    '/usr/lib/aarch64-linux-gnu/rsyslog/lmnsd_gtls.so',
  ],
}

/** Installs what is missing when run as root with apt-get; returns the packages still missing. */
export function installDebianPackages(): readonly string[] {
  const missing = () => Object.keys(wanted).filter((name) => !(wanted[name] ?? []).some((file) => existsSync(file)))
  const before = missing()
  if (before.length === 0) return []
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return before
  process.stderr.write(`installing Debian packages that tests use: ${before.join(' ')}\n`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update', '-qq'], { stdio: ['ignore', 2, 2], env: environment })
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...before], {
    stdio: ['ignore', 2, 2],
    env: environment,
  })
  return missing()
}
