// A real OpenSSH server on a loopback port with its own keys, as a private app of the tests.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import type { Account } from '#e2e/accounts.ts'
import { freePort, untilListening } from './ports.ts'

export type SshPeer = AsyncDisposable & {
  readonly port: number
  readonly user: string
  /** Options for ssh, scp (after -P) and GIT_SSH_COMMAND: key, known hosts, nothing from the user's files. */
  readonly options: readonly string[]
  /** Lets another account use the client's key; ssh refuses keys that others may read. */
  lendKeyTo(account: Account | undefined): void
}

export async function startSsh(hostAlias: string): Promise<SshPeer> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-e2e-ssh-'))
  const file = (name: string) => join(folder, name)
  for (const name of ['host', 'client']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)])
  const publicKey = execFileSync('cat', [file('client.pub')], { encoding: 'utf8' })
  writeFileSync(file('authorized'), publicKey, { mode: 0o600 })
  const hostKey = execFileSync('cat', [file('host.pub')], { encoding: 'utf8' })
    .split(' ')
    .slice(0, 2)
    .join(' ')
  const port = await freePort()
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  writeFileSync(
    file('config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('authorized')}`,
      `PidFile ${file('pid')}`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      'Subsystem sftp internal-sftp',
      'MaxStartups 100',
    ].join('\n'),
  )
  const daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('config')], { stdio: ['ignore', 'ignore', 'ignore'] })
  await untilListening(port)
  writeFileSync(file('known'), `${hostAlias} ${hostKey}\n`)
  return {
    port,
    user: userInfo().username,
    options: [
      '-F',
      '/dev/null',
      '-i',
      file('client'),
      '-o',
      `UserKnownHostsFile=${file('known')}`,
      '-o',
      `HostKeyAlias=${hostAlias}`,
      '-o',
      'StrictHostKeyChecking=yes',
      '-o',
      'BatchMode=yes',
      '-o',
      'ConnectTimeout=15',
    ],
    lendKeyTo(account) {
      if (!account) return
      chmodSync(folder, 0o711)
      chownSync(file('client'), account.uid, account.gid)
    },
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGTERM')
      await rm(folder, { recursive: true, force: true })
    },
  }
}
