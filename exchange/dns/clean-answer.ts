// What people may have of an answer: the records of its chain of aliases, without addresses that are not public. Must
// never keep a record of a name that was not asked for, nor follow a chain without end.
import type { DnsRecord } from './message.ts'
import { HTTPS, SVCB, types } from './message.ts'
import { malformed, textOf } from './name.ts'
import { addressText, cleanService } from './service-records.ts'

export type CleanAnswer = {
  readonly records: readonly DnsRecord[]
  /** Names that the first one stands for, in their order; each has to be decided. */
  readonly aliases: readonly string[]
  /** The last name of the chain has no record in this answer: it may have to be asked for. */
  readonly openEnd: string | undefined
  readonly removed: readonly string[]
}

const RRSIG = 46
const NSEC = 47
const NSEC3 = 50

/** Throws `wire-malformed`. `isRefused`: of an address as text. */
export function cleanAnswer(
  asked: { readonly name: string; readonly type: number },
  records: readonly DnsRecord[],
  isRefused: (address: string) => boolean,
): CleanAnswer {
  const aliases: string[] = []
  const kept: DnsRecord[] = []
  const removed = new Set<string>()
  const passed = new Set<string>()
  let name = asked.name
  for (;;) {
    if (passed.has(name)) throw malformed('aliases in a circle')
    passed.add(name)
    const alias = asked.type === types.CNAME ? undefined : records.find((one) => isOf(one, name, types.CNAME))
    if (alias === undefined) break
    const target = textOf(alias.data)
    if (target === undefined || target === '') throw malformed('an alias of no host')
    kept.push(alias)
    aliases.push(target)
    name = target
  }
  const last = records.filter((one) => isOf(one, name, asked.type))
  for (const record of last) {
    const clean = cleanRecord(record, isRefused, removed)
    if (clean === undefined) continue
    kept.push(clean.record)
    if (clean.aliasOf !== undefined) aliases.push(clean.aliasOf)
  }
  if (asked.type === types.CNAME)
    for (const { data } of kept) aliases.push(...[textOf(data)].filter((to) => to !== undefined))
  const openEnd = aliases.length > 0 && last.length === 0 && asked.type !== types.CNAME ? name : undefined
  return { records: kept, aliases, openEnd, removed: [...removed] }
}

function cleanRecord(
  record: DnsRecord,
  isRefused: (address: string) => boolean,
  removed: Set<string>,
): { readonly record: DnsRecord; readonly aliasOf?: string | undefined } | undefined {
  const { type, data } = record
  if (type === types.A || type === types.AAAA) {
    if (data.length !== (type === types.A ? 4 : 16)) throw malformed('an address of this length')
    if (!isRefused(addressText(data))) return { record }
    removed.add('address')
    return undefined
  }
  if (type === HTTPS || type === SVCB) {
    const clean = cleanService(data, isRefused)
    for (const what of clean?.removed ?? ['record']) removed.add(what)
    return clean === undefined ? undefined : { record: { ...record, data: clean.data }, aliasOf: clean.aliasOf }
  }
  // What was signed is changed here, so that signatures would only be wrong.
  return type === RRSIG || type === NSEC || type === NSEC3 ? undefined : { record }
}

function isOf(record: DnsRecord, name: string, type: number): boolean {
  return record.name === name && record.type === type
}
