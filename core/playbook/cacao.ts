// Playbooks as CACAO 2.0 (OASIS, November 2023) and back. Only what both can say: start and end, actions of ours, a pause,
// and a question as an if-condition. Must never import a step that it does not understand as something else: it refuses.
import * as z from 'zod'
import { Fault } from '#core/fault.ts'
import {
  leadsTo,
  playbookSpec,
  playbookSpanMs,
  type PlaybookSpec,
  type PlaybookStep,
} from '#core/resources/playbook.ts'

const MAX_STEPS = 60
/** RFC 4122 name space of our own, so that the same playbook has the same ids each time. */
const ids = {
  playbook: 'playbook--',
  start: 'start--',
  end: 'end--',
  action: 'action--',
  question: 'if-condition--',
} as const

type Step = Readonly<Record<string, unknown>>

/** The CACAO object of a playbook. `hash`: 32 hexadecimal digits of a digest of the text, for ids that stay. */
export function toCacao(
  name: string,
  spec: PlaybookSpec,
  { hash, nowMs }: { readonly hash: (text: string) => string; readonly nowMs: number },
): Readonly<Record<string, unknown>> {
  const uuid = (text: string) => uuidOf(hash(`${name} ${text}`))
  const idOf = (step: PlaybookStep) => `${'ask' in step ? ids.question : ids.action}${uuid(`step ${step.id}`)}`
  const endId = `${ids.end}${uuid('end')}`
  const startId = `${ids.start}${uuid('start')}`
  const byName = new Map(spec.steps.map((step) => [step.id, idOf(step)]))
  const target = (id: string) => byName.get(id) ?? endId
  const workflow: Record<string, Step> = {
    [startId]: { type: 'start', on_completion: target(spec.steps[0]?.id ?? 'end') },
    [endId]: { type: 'end' },
  }
  for (const [at, step] of spec.steps.entries()) {
    const [first = 'end'] = leadsTo(spec.steps, at)
    workflow[idOf(step)] =
      'ask' in step ? questionOf(step, target) : { ...actionOf(step), on_completion: target(first) }
  }
  const at = new Date(nowMs).toISOString()
  return {
    type: 'playbook',
    spec_version: 'cacao-2.0',
    id: `${ids.playbook}${uuid('playbook')}`,
    name: spec.title,
    ...(spec.description !== undefined && { description: spec.description }),
    playbook_types: ['mitigation'],
    created_by: `identity--${uuid('identity')}`,
    created: at,
    modified: at,
    labels: [`sallyport:${name}`],
    workflow_start: startId,
    workflow,
  }
}

function questionOf({ id, ask }: Extract<PlaybookStep, { ask: object }>, target: (id: string) => string): Step {
  return {
    type: 'if-condition',
    name: id,
    description: ask.question,
    condition: `${VARIABLE}:value = 'yes'`,
    on_true: target(ask.yes),
    on_false: target(ask.no),
    on_failure: target(ask.silent),
    timeout: playbookSpanMs(ask.within),
    step_variables: { [VARIABLE]: { type: 'string', description: 'yes or no, by a person', external: true } },
  }
}

const VARIABLE = '__answer__'

function actionOf(step: Exclude<PlaybookStep, { ask: object }>): Step {
  const base = { type: 'action', name: step.id }
  const manual = (command: object) => ({
    commands: [{ type: 'manual', command: `sallyport ${JSON.stringify(command)}` }],
  })
  if ('wait' in step) return { ...base, delay: playbookSpanMs(step.wait), ...manual({ wait: step.wait }) }
  if ('contain' in step) return { ...base, ...manual({ contain: step.contain }) }
  if ('comment' in step) return { ...base, ...manual({ comment: step.comment }) }
  if ('severity' in step) return { ...base, ...manual({ severity: step.severity }) }
  if ('release' in step) return { ...base, ...manual({ release: step.release }) }
  return { ...base, ...manual({ close: step.close }) }
}

const text = z.string().max(4000)
const cacaoStep = z.looseObject({ type: text, name: text.optional() })
const cacao = z.looseObject({
  type: z.literal('playbook'),
  spec_version: z.literal('cacao-2.0'),
  name: text,
  description: text.optional(),
  labels: z.array(text).max(100).optional(),
  workflow_start: text,
  workflow: z.record(z.string().max(200), cacaoStep),
  workflow_exception: text.optional(),
})
const action = z.looseObject({
  on_completion: text.optional(),
  on_success: text.optional(),
  on_failure: text.optional(),
  commands: z.array(z.looseObject({ type: text, command: text.optional() })).optional(),
})
const question = z.looseObject({
  condition: text,
  description: text.optional(),
  on_true: text,
  on_false: text.optional(),
  on_failure: text.optional(),
  on_completion: text.optional(),
  timeout: z.number().int().optional(),
})

/** Throws Fault `document-invalid` naming the step and what is not supported. */
export function fromCacao(value: unknown): { readonly name: string; readonly spec: PlaybookSpec } {
  const parsed = cacao.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(`it is no CACAO 2.0 playbook: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
  }
  const { workflow, workflow_start: start, name, description, labels } = parsed.data
  if (parsed.data.workflow_exception !== undefined) throw invalid('workflow_exception is not supported')
  if (Object.keys(workflow).length > MAX_STEPS) throw invalid(`it has more than ${MAX_STEPS} steps`)
  const order = inOrder(workflow, start)
  const names = namesOf(order, workflow)
  const steps = order.map((id) => stepOf(id, workflow, names))
  const ours = labels?.find((label) => label.startsWith('sallyport:'))?.slice('sallyport:'.length)
  const spec = playbookSpec.safeParse({
    title: name.slice(0, 120),
    ...(description !== undefined && { description: description.slice(0, 2000) }),
    steps,
  })
  if (!spec.success) {
    const [issue] = spec.error.issues
    throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
  }
  return { name: labelOf(ours ?? name), spec: spec.data }
}

type Workflow = z.infer<typeof cacao>['workflow']

/** The steps between start and end so that each leads forwards; refuses what loops. */
function inOrder(workflow: Workflow, start: string): string[] {
  const first = workflow[start]
  if (first?.type !== 'start') throw invalid(`workflow_start names no start step (${start})`)
  const order: string[] = []
  const state = new Map<string, 'open' | 'done'>()
  // Depth first: a step comes after everything that it leads to, and is put before it.
  const visit = (id: string, depth: number): void => {
    const step = workflow[id]
    if (step === undefined) throw invalid(`there is no step ${id}`)
    if (step.type === 'end' || state.get(id) === 'done') return
    if (state.get(id) === 'open') throw invalid(`${step.name ?? id} is led back to: a playbook may not loop`)
    if (depth > MAX_STEPS) throw invalid('it is too deep')
    state.set(id, 'open')
    for (const target of targetsOf(id, step).toReversed()) visit(target, depth + 1)
    state.set(id, 'done')
    order.unshift(id)
  }
  const begins = targetsOf(start, first)[0]
  if (begins !== undefined) visit(begins, 0)
  return order
}

function targetsOf(id: string, step: Workflow[string]): string[] {
  switch (step.type) {
    case 'start':
    case 'action': {
      const { on_completion, on_success, on_failure } = action.parse(step)
      if (on_failure !== undefined && on_failure !== (on_success ?? on_completion))
        throw invalid(`${step.name ?? id}: on_failure of an action is not supported`)
      const target = on_completion ?? on_success
      return target === undefined ? [] : [target]
    }
    case 'if-condition': {
      const { on_true, on_false, on_failure, on_completion } = question.parse(step)
      const otherwise = on_false ?? on_completion
      if (otherwise === undefined) throw invalid(`${step.name ?? id}: on_false is missing`)
      return [on_true, otherwise, on_failure ?? otherwise]
    }
    default:
      throw invalid(
        `${step.name ?? id}: steps of type ${step.type} are not supported, only start, end, action and if-condition`,
      )
  }
}

function namesOf(order: readonly string[], workflow: Workflow): ReadonlyMap<string, string> {
  const taken = new Set<string>(['end'])
  return new Map(
    order.map((id) => {
      const wanted = labelOf(workflow[id]?.name ?? 'step').slice(0, 36)
      let name = wanted
      for (let count = 2; taken.has(name); count++) name = `${wanted}-${count}`
      taken.add(name)
      return [id, name]
    }),
  )
}

function stepOf(id: string, workflow: Workflow, names: ReadonlyMap<string, string>): unknown {
  const step = workflow[id]
  if (step === undefined) throw invalid(`there is no step ${id}`)
  const called = names.get(id) ?? ''
  const nameOf = (target: string | undefined) => (target === undefined ? 'end' : (names.get(target) ?? 'end'))
  const [first, second, third] = targetsOf(id, step)
  if (step.type === 'if-condition') {
    const { condition, description, timeout } = question.parse(step)
    if (!condition.includes(VARIABLE))
      throw invalid(`${called}: only conditions on the answer of a person (${VARIABLE}) are supported`)
    return {
      id: called,
      ask: {
        question: (description ?? called).slice(0, 500),
        within: spanOf(timeout ?? 900_000),
        yes: nameOf(first),
        no: nameOf(second),
        silent: nameOf(third),
      },
    }
  }
  const { commands } = action.parse(step)
  const [command, ...others] = commands ?? []
  if (command === undefined || others.length > 0) throw invalid(`${called}: an action has exactly one command here`)
  const did = /^sallyport (\{.*\})$/s.exec(command.command ?? '')?.[1]
  if (command.type !== 'manual' || did === undefined)
    throw invalid(
      `${called}: commands of type ${command.type} are not supported, only manual ones that begin with sallyport`,
    )
  let made: unknown
  try {
    made = JSON.parse(did)
  } catch {
    throw invalid(`${called}: the command is not JSON`)
  }
  if (typeof made !== 'object' || made === null) throw invalid(`${called}: the command is not an object`)
  return { id: called, ...made, ...('close' in made ? {} : { next: nameOf(first) }) }
}

function spanOf(ms: number): string {
  return `${Math.min(999_999, Math.max(1, Math.round(ms / 1000)))}s`
}

function labelOf(name: string): string {
  const label = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^[^a-z]+|-+$/g, '')
    .slice(0, 40)
  return label === '' ? 'step' : label
}

function uuidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

function invalid(why: string): Fault {
  return new Fault('document-invalid', { hint: why })
}
