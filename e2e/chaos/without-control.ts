// Control alone is gone for a while: live flows go on and people keep reaching their apps, also after a connector or an
// agent had to begin again meanwhile. Only sign-in and changes wait.
import type { Installation } from './install.ts'
import type { Ledger } from './ledger.ts'
import { openEcho, type Attempt, type Traffic } from './traffic.ts'

const ATTEMPTS = 5
const COMES_BACK_MS = 90_000

export async function checkWithoutControl(
  world: Installation,
  ledger: Ledger,
  traffic: Traffic,
): Promise<readonly string[]> {
  const wrong: string[] = []
  const { control, connector, agent, exchange } = world.parts
  const { throughAgent, throughBrowser, sealed } = traffic
  const ways = { throughAgent, throughBrowser, sealed }

  const held = await openEcho(world.ports.socks, 'held.echo.acme.test', AbortSignal.timeout(10 * COMES_BACK_MS))
  await held.say('before')
  ledger.flows.push('held.echo.acme.test')
  await control.kill()
  for (const [way, attempt] of Object.entries(ways))
    for (let at = 0; at < ATTEMPTS; at++) {
      const why = await attempt()
      if (why !== undefined) wrong.push(`${way} failed because control was away: ${why}`)
    }
  await held.say('after').catch((error: unknown) => wrong.push(`a live flow ended with control: ${String(error)}`))
  held.close()

  for (const part of [connector, agent, exchange]) {
    await part.kill()
    part.start()
    await comesBack(`${part.name} was killed with control away`)
  }
  control.start()
  await comesBack('control was away', {
    api: () =>
      world.api.public.call('listSessions', { query: {} }).then(
        () => undefined,
        (error: unknown) => String(error),
      ),
  })
  return wrong

  async function comesBack(after: string, more: Readonly<Record<string, Attempt>> = {}): Promise<void> {
    const end = Date.now() + COMES_BACK_MS
    for (const [way, attempt] of Object.entries({ ...ways, ...more })) {
      let why = await attempt()
      while (why !== undefined && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 100))
        why = await attempt()
      }
      if (why !== undefined) wrong.push(`${way} did not come back after ${after}: ${why}`)
    }
  }
}
