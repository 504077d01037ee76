// Gives back what a start has left behind, once, before the part has anybody to serve: V8 by itself would keep those
// pages until traffic makes it look. Must never run while traffic flows: it holds the thread for some 50 ms.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export function collectOnce(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect()
}
