// A rehearsal as it is written down: who acts, on what, in which steps, and what is expected. Must never be able to
// name a real user or a real app: actors and canaries are made for the drill, and steps know them by handle.
import * as z from 'zod'

const handle = z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and hyphens')
const span = z
  .string()
  .regex(/^\d{1,6}(ms|s|m)$/, 'a span such as 500ms, 30s or 10m')
  .describe('500ms, 30s, 10m')

const pace = z
  .strictObject({
    median: span,
    jitter: z.number().min(0).max(2).optional().describe('sigma of the log-normal pace; 0: like a clock; default 0.3'),
  })
  .describe('time between two acts')

const step = z.union([
  z.strictObject({
    usual: z
      .strictObject({
        actor: handle,
        visits: z.number().int().min(1).max(2000),
        apps: z.array(handle).min(1).max(20),
        pace,
      })
      .describe('ordinary work in apps that the actor may use'),
  }),
  z.strictObject({
    hop: z
      .strictObject({ actor: handle, apps: z.array(handle).min(1).max(30), pace })
      .describe('one visit to each app in turn, allowed or not'),
  }),
  z.strictObject({
    pull: z
      .strictObject({
        actor: handle,
        app: handle,
        objects: z.number().int().min(1).max(2000),
        bytes: z.number().int().min(1).max(1_000_000).describe('bytes of each object'),
        pace: pace.optional(),
      })
      .describe('bulk reading of one app'),
  }),
  z.strictObject({
    hold: z
      .strictObject({ actor: handle, apps: z.array(handle).min(1).max(20) })
      .describe('a flow held open to each app, with a byte ten times a second, until the drill ends or it is cut'),
  }),
  z.strictObject({
    contain: z
      .strictObject({
        actor: handle,
        wait: z.enum(['none', 'seen']).optional().describe('seen: only after detection, or its deadline'),
      })
      .describe('the conductor contains the actor, as a person would'),
  }),
  z.strictObject({
    inject: z
      .strictObject({ to: z.string().max(100), text: z.string().min(1).max(1000), answerWithin: span.optional() })
      .describe('words for the people who practise'),
  }),
  z.strictObject({ wait: span }),
])

const expectation = z.union([
  z.strictObject({
    detect: z.strictObject({
      actor: handle,
      kinds: z.array(z.string().max(64)).min(1).max(10).optional().describe('default any'),
      within: span.describe('from the first hostile act'),
    }),
  }),
  z.strictObject({
    silent: z.strictObject({ actor: handle }).describe('must not be noticed: a test against false alarms'),
  }),
  z.strictObject({
    contain: z.strictObject({
      actor: handle,
      within: span.describe('last byte of every path, from the call'),
      receipts: z.literal('all').optional(),
      residual: z.literal('none').optional(),
    }),
  }),
  z.strictObject({ denied: z.strictObject({ actor: handle, apps: z.array(handle).min(1).max(30) }) }),
  z.strictObject({ restored: z.literal('exactly') }),
  z.strictObject({ collateral: z.literal('none') }),
  z.strictObject({ answered: z.literal('all').describe('every inject that asks for an answer got one in time') }),
])

export const scenario = z
  .strictObject({
    drill: handle.describe('its name'),
    version: z.number().int().min(1).max(10_000),
    title: z.string().min(1).max(120),
    about: z.string().max(2000),
    level: z
      .enum(['tabletop', 'live', 'propagation'])
      .describe(
        'tabletop: words and clocks for people, nothing is made; live: from the first act to containment; propagation: containment alone, on every path',
      ),
    attack: z
      .strictObject({
        version: z.string().max(10),
        techniques: z.array(z.string().regex(/^T\d{4}(\.\d{3})?$/)).max(20),
      })
      .optional()
      .describe('MITRE ATT&CK techniques that it rehearses'),
    within: span.describe('the whole drill; it is undone then whatever happens'),
    blind: z.boolean().optional().describe('default true: nothing tells people that it is a drill'),
    actors: z
      .record(
        handle,
        z.strictObject({
          thirdParty: z.boolean().optional().describe('belongs to an organisation made for the drill, with a contract'),
          posture: z.enum(['unknown', 'registered', 'managed']).optional().describe('default registered'),
          factors: z.array(z.string().max(32)).max(8).optional().describe('RFC 8176; default pwd, otp'),
        }),
      )
      .refine((actors) => Object.keys(actors).length <= 10, 'at most 10 actors'),
    apps: z
      .record(
        handle,
        z.strictObject({
          kind: z.enum(['http', 'tcp']),
          open: z.array(handle).max(10).describe('actors whom policy lets in'),
          decoy: z.boolean().optional().describe('a decoy, as a tenant may have of its own: detection knows its name'),
        }),
      )
      .refine((apps) => Object.keys(apps).length <= 30, 'at most 30 apps'),
    steps: z.array(step).min(1).max(200),
    expect: z.array(expectation).min(1).max(30),
  })
  .refine(({ level, actors, apps }) => {
    const [people, places] = [Object.keys(actors).length, Object.keys(apps).length]
    return level === 'tabletop' ? people === 0 && places === 0 : people > 0 && places > 0
  }, 'a tabletop has no actors and apps; any other has both')
  .refine(
    ({ level, steps, expect }) =>
      level !== 'tabletop' ||
      (steps.every((each) => 'inject' in each || 'wait' in each) && expect.every((each) => 'answered' in each)),
    'a tabletop has injects and waits, and expects answers',
  )
export type Scenario = z.infer<typeof scenario>
export type ScenarioStep = z.infer<typeof step>
export type Expectation = z.infer<typeof expectation>

/** `500ms`, `30s`, `10m` → milliseconds. */
export function spanMs(text: string): number {
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text)
  const unit = { ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? '']
  return match && unit !== undefined ? Number(match[1]) * unit : 0
}

/** Handles that steps and expectations use without there being such an actor or app; empty when all is well. */
export function unknownHandles({ actors, apps, steps, expect }: Scenario): readonly string[] {
  const wanted: string[] = []
  const isActor = (name: string | undefined) => name === undefined || Object.hasOwn(actors, name) || wanted.push(name)
  const isApp = (name: string) => Object.hasOwn(apps, name) || wanted.push(name)
  for (const each of [...steps, ...expect])
    for (const part of Object.values(each)) {
      if (typeof part !== 'object') continue
      if ('actor' in part) isActor(part.actor)
      if ('apps' in part) part.apps.forEach(isApp)
      if ('app' in part) isApp(part.app)
    }
  for (const { open } of Object.values(apps)) open.forEach(isActor)
  return [...new Set(wanted)]
}

/** The injects of a scenario in their order, with the answer that each wants. */
export function injectsOf({
  steps,
}: Scenario): readonly { readonly to: string; readonly text: string; readonly withinMs: number | null }[] {
  return steps.flatMap((each) =>
    'inject' in each
      ? [
          {
            to: each.inject.to,
            text: each.inject.text,
            withinMs: each.inject.answerWithin === undefined ? null : spanMs(each.inject.answerWithin),
          },
        ]
      : [],
  )
}
