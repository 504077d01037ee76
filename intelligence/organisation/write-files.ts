// A made-up organisation as two files: events, one OCSF object a line, and labels. Must never hold more than a day.
import { createWriteStream, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { Fault } from '#core/fault.ts'
import { type AttackName, attackNames } from './attacks.ts'
import { generateOrganisation, type GenerateOptions } from './generate.ts'

export async function writeOrganisation(
  options: GenerateOptions,
  files: { readonly events: string; readonly labels: string | undefined },
  signal: AbortSignal,
): Promise<{ readonly events: number; readonly attacks: number }> {
  const generated = generateOrganisation(options)
  const out = createWriteStream(files.events, { signal })
  let events = 0
  try {
    for (const day of generated.days()) {
      for (const event of day) {
        events++
        if (!out.write(`${JSON.stringify(event)}\n`)) await once(out, 'drain', { signal })
      }
    }
    out.end()
    await finished(out)
  } catch (cause) {
    out.destroy()
    throw new Fault('internal', { hint: `The events could not be written to ${files.events}.`, cause })
  }
  const lines = generated.labels.map(({ startMs, endMs, member, name }) =>
    [startMs, endMs, member.uid, name].join('\t'),
  )
  if (files.labels !== undefined) writeFileSync(files.labels, `${lines.join('\n')}\n`)
  return { events, attacks: lines.length }
}

/** `car-park-none=6,beacon=2`, or `all=3`, or `none`. */
export function parseAttacks(text: string): ReadonlyMap<AttackName, number> {
  const wanted = new Map<AttackName, number>()
  if (text === 'none') return wanted
  for (const part of text.split(',')) {
    const [name = '', amount = '1'] = part.split('=')
    const count = Number(amount)
    const names = name === 'all' ? attackNames : attackNames.filter((each) => each === name)
    if (names.length === 0 || !Number.isInteger(count) || count < 0 || count > 1000)
      throw new Fault('request-malformed', {
        hint: `"${part}" is not an attack; write NAME=COUNT with one of all, ${attackNames.join(', ')}.`,
      })
    for (const each of names) wanted.set(each, count)
  }
  return wanted
}
