// Tries to get back in after a containment, by every path that the actor had, until nothing gets through any more. Must
// never count a path as shut that was not tried.
import { setTimeout as pause } from 'node:timers/promises'
import { WHOAMI_PATH } from '#core/wire/flow.ts'
import { type AgentClient, type CanaryApp, type Held, visit } from './actor.ts'
import { caps } from './caps.ts'

type Way = { readonly name: string; readonly isOpen: (signal: AbortSignal) => Promise<boolean> }

/** The ways that were still open when time was up; in the last second each is tried again. */
export async function probeUntilQuiet(
  client: AgentClient,
  apps: readonly CanaryApp[],
  held: readonly Held[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ways: readonly Way[] = [
    ...apps.map((app) => ({
      name: `a new flow to ${app.name}`,
      isOpen: async (until: AbortSignal) => (await visit(client, app, 1, until)).kind === 'done',
    })),
    { name: 'who am I', isOpen: (until) => answers(client, 'GET', WHOAMI_PATH, undefined, until) },
    {
      name: 'renewal of the certificate',
      isOpen: (until) => answers(client, 'POST', '/v1/renew', { csrPem: client.csrPem }, until),
    },
    ...held.map((each) => ({ name: `the flow held to ${each.app.name}`, isOpen: async () => each.isOpen() })),
  ]
  const endMs = performance.now() + caps.probingMs.default
  let open: readonly string[] = ways.map(({ name }) => name)
  let quietSinceMs: number | undefined
  while (performance.now() < endMs && !signal.aborted) {
    const tried = await Promise.all(ways.map(async ({ name, isOpen }) => ((await isOpen(signal)) ? [name] : [])))
    open = tried.flat()
    quietSinceMs = open.length > 0 ? undefined : (quietSinceMs ?? performance.now())
    // A second in which nothing got through is enough.
    if (quietSinceMs !== undefined && performance.now() - quietSinceMs >= 1000) return []
    await pause(caps.probeMs.default)
  }
  return open
}

async function answers(
  client: AgentClient,
  method: 'GET' | 'POST',
  path: string,
  body: object | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const status = await client.ask(method, path, body, signal).catch(() => 0)
  return status >= 200 && status < 300
}
