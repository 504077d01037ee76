import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseExchangeConfig } from './config.ts'

const config = {
  identityFolder: '/identity',
  dataFolder: '/data',
  listen: { host: '::', port: 8443 },
  publicAddress: 'exchange.example:8443',
  feed: { host: '127.0.0.1', port: 1 },
  control: { host: '127.0.0.1', port: 1 },
}

test('takes a whole configuration', () => {
  assert.equal(parseExchangeConfig(config).listen.port, 8443)
  assert.equal(parseExchangeConfig({ ...config, limits: { flows: 5 } }).limits?.flows, 5)
})

test('refuses what it does not know or cannot mean, naming the key', () => {
  const bad: readonly (readonly [object, RegExp])[] = [
    [{ ...config, extra: 1 }, /"extra"/],
    [{ ...config, limits: { flow: 5 } }, /"limits\.flow"/],
    [{ ...config, limits: { flows: -1 } }, /"flows"/],
    [{ ...config, identityFolder: '' }, /"identityFolder"/],
    [{ ...config, listen: { host: '', port: 1 } }, /"listen"/],
    [{ ...config, feed: { host: 'x', port: 0 } }, /"feed"/],
    [{ ...config, publicAddress: 'no-port' }, /"publicAddress"/],
    [{ ...config, balancers: ['10.0.0.0/99'] }, /10\.0\.0\.0\/99/],
    [{ ...config, drainMs: 1.5 }, /"drainMs"/],
  ]
  for (const [value, message] of bad) {
    assert.throws(
      () => parseExchangeConfig(value),
      (error: Error) => message.test(error.message),
      String(message),
    )
  }
})
