// Tests only: a receiver in a process of its own, over the process channel, until it is killed.
// Arguments: root, public key (PEM).
import { createPublicKey } from 'node:crypto'
import { JournalReceiver } from './receive.ts'
import { decodeBatch, encodeAnswer } from './shipment.ts'

const [root = '', pem = ''] = process.argv.slice(2)
const publicKey = createPublicKey(pem)
const receiver = new JournalReceiver(root, {
  keys: () => [{ kind: 'writer', keyId: 'key-1', writer: 'exc_one', publicKey }],
  report: (problem) => process.send?.({ problem: `${problem.kind} ${JSON.stringify(problem.detail)}` }),
})
process.on('message', (message) => {
  if (typeof message !== 'string') return
  receiver.accept(decodeBatch(Buffer.from(message, 'base64')), { writer: 'exc_one', mayShip: () => true }).then(
    (answer) => process.send?.({ answer: encodeAnswer(answer) }),
    (error: unknown) => process.send?.({ problem: String(error) }),
  )
})
process.send?.({ ready: true })
