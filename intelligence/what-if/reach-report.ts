// Who could reach what, in force and proposed, and what the change makes possible or impossible, used or not.
import type { ReachReport } from '#core/api/policy-views.ts'
import { Bits } from '#core/policy/bits.ts'
import { reachOf, subjectsOf, type Circumstances, type Reach, type Subject } from '#core/policy/reach.ts'
import { rulesOf } from '#core/policy/tenant-rules.ts'
import type { WhatIfJob } from '#core/policy/what-if.ts'
import { maxNames, maxRows } from './caps.ts'

export type ReachQuestion = Extract<WhatIfJob, { kind: 'reach' }>

type Shown = Exclude<Subject, { kind: 'user' } | { kind: 'groups' }>

export function reportReach(question: ReachQuestion): ReachReport {
  const { context, nowMs } = question
  const before = rulesOf(question.before)
  const after = question.after === null ? null : rulesOf(question.after, before)
  const subjects = subjectsOf(...(after === null ? [before] : [before, after]))
  const stated = Object.keys(context)
  const circumstances: Circumstances = {
    name: stated.length === 0 ? 'under some circumstances' : `with ${stated.join(', ')} as stated`,
    context,
  }
  const was = reachOf(before, subjects, circumstances, nowMs)
  const becomes = after === null ? was : reachOf(after, subjects, circumstances, nowMs)
  const users = new Bits(subjects.length)
  for (const [at, { kind }] of subjects.entries()) if (kind === 'user') users.set(at)
  return {
    circumstances: circumstances.name,
    people: (after ?? before).users.size,
    apps: (after ?? before).apps.size,
    possible: possible(becomes, subjects),
    reachableBy: Array.from(becomes, ([app, bits]) => ({ app, people: bits.and(users).count() }))
      .toSorted((left, right) => right.people - left.people)
      .slice(0, maxRows),
    change: after === null ? null : changeOf(was, becomes, subjects, users),
  }
}

function possible(reach: Reach, subjects: readonly Subject[]): ReachReport['possible'] {
  const found: ReachReport['possible'] = []
  for (const [at, subject] of subjects.entries()) {
    if (!isShown(subject)) break
    const apps = [...reach].filter(([, bits]) => bits.has(at)).map(([app]) => app)
    found.push({ kind: subject.kind, name: nameOf(subject), apps: apps.slice(0, maxRows) })
  }
  return found.slice(0, maxRows)
}

function changeOf(was: Reach, becomes: Reach, subjects: readonly Subject[], users: Bits): ReachReport['change'] {
  const pairs: NonNullable<ReachReport['change']>['pairs'] = []
  const apps: NonNullable<ReachReport['change']>['apps'] = []
  const none = new Bits(subjects.length)
  let [gained, lost] = [0, 0]
  for (const app of new Set([...was.keys(), ...becomes.keys()])) {
    const [old, next] = [was.get(app) ?? none, becomes.get(app) ?? none]
    const [more, fewer] = [next.without(old), old.without(next)]
    for (const [bits, word] of [
      [more, 'possible'],
      [fewer, 'impossible'],
    ] as const) {
      bits.without(users).each((at) => {
        const subject = subjects[at]
        if (subject !== undefined && isShown(subject) && pairs.length < maxRows)
          pairs.push({ kind: subject.kind, name: nameOf(subject), app, becomes: word })
      })
    }
    const [gaining, losing] = [more.and(users), fewer.and(users)]
    const [gain, lose] = [gaining.count(), losing.count()]
    gained += gain
    lost += lose
    if (gain + lose > 0 && apps.length < maxRows)
      apps.push({ app, gain, lose, gaining: namesOf(gaining, subjects), losing: namesOf(losing, subjects) })
  }
  return { pairs, apps, gained, lost }
}

function namesOf(bits: Bits, subjects: readonly Subject[]): string[] {
  const names: string[] = []
  bits.each((at) => {
    const subject = subjects[at]
    if (subject?.kind === 'user' && names.length < maxNames) names.push(subject.name)
  })
  return names
}

function isShown(subject: Subject): subject is Shown {
  return subject.kind !== 'user' && subject.kind !== 'groups'
}

function nameOf(subject: Shown): string {
  return subject.kind === 'anyone' ? 'anyone' : subject.name
}
