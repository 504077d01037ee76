// Tests only: a process that appends as fast as it can and says what was acknowledged, until it is killed.
// Arguments: root, private key (PEM), tenant.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { writeSync } from 'node:fs'
import { isId } from '#core/ids.ts'
import { startJournal } from './journal.ts'

const [root = '', pem = '', tenant = ''] = process.argv.slice(2)
if (!isId('tenant', tenant)) throw new Error('no tenant')
const privateKey = createPrivateKey(pem)
const publicKey = createPublicKey(privateKey)
const say = (line: string): void => void writeSync(1, `${line}\n`)
const journal = await startJournal(
  { root, writer: 'exc_one', caps: { maxSegmentBytes: 40_000, checkpointRecords: 100, syncDelayMs: 5 } },
  {
    signer: { keyId: 'key-1', sign: (bytes) => sign(null, bytes, privateKey) },
    keys: [{ kind: 'writer', keyId: 'key-1', writer: 'exc_one', publicKey }],
    report: (problem) => say(`problem ${problem.kind}`),
  },
)
say('ready')
for (let n = 0; ; n++) {
  for (let burst = 0; burst < 20; burst++) {
    const receipt = journal.append(tenant, { n, pad: 'x'.repeat(n % 700) })
    say(`ack ${receipt.sequence} ${receipt.hash}`)
  }
  const receipt = await journal.appendDurable(tenant, { durable: n })
  say(`ack ${receipt.sequence} ${receipt.hash}`)
}
