// The bench's parts get the Node flags that launch.mjs gives to the product.
export function setFlags(): void {
  const flags = process.execArgv.filter((flag) => flag.startsWith('--max-semi-space-size'))
  process.env['NODE_OPTIONS'] = [process.env['NODE_OPTIONS'] ?? '', ...flags].join(' ').trim()
}
