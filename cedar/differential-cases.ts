// Random policies, entities and requests in Cedar's JSON form, from a seed, for comparing the two engines. Mostly well
// typed, so that decisions differ, and sometimes ill typed on purpose. Counts what it used. For tests only.

import {
  boolOperators,
  coverageNames,
  datetimes,
  decimals,
  durations,
  extensions,
  ips,
  kinds,
  longs,
  nameKinds,
  names,
  producers,
  resultKind,
  strings,
  uids,
  type Kind,
} from './differential-words.ts'

type Json = unknown

export type DifferentialCase = {
  readonly policies: Readonly<Record<string, Json>>
  readonly templates: Readonly<Record<string, Json>>
  readonly links: readonly {
    readonly templateId: string
    readonly newId: string
    readonly values: Record<string, UidJson>
  }[]
  readonly entities: readonly EntityJson[]
  readonly requests: readonly RequestJson[]
}
type UidJson = { readonly type: string; readonly id: string }
type EntityJson = { uid: UidJson; attrs: Record<string, Json>; parents: UidJson[]; tags: Record<string, Json> }
type RequestJson = { principal: UidJson; action: UidJson; resource: UidJson; context: Record<string, Json> }

export class CaseGenerator {
  readonly counts: Map<string, number> = new Map(coverageNames.map((name) => [name, 0]))
  #state: number
  readonly #only: string | null

  /** `only` makes policies whose conditions use this operator near the top, for seeded bugs. */
  constructor(seed: number, only: string | null = null) {
    this.#state = seed >>> 0
    this.#only = only
  }

  next(requestCount: number): DifferentialCase {
    const policies: Record<string, Json> = {}
    const count = 1 + this.#below(this.#only === null ? 14 : 3)
    for (let at = 0; at < count; at++) policies[`policy${at}`] = this.#policy(false)
    const templates: Record<string, Json> = {}
    const links: { templateId: string; newId: string; values: Record<string, UidJson> }[] = []
    if (this.#chance(0.25)) {
      this.#count('template')
      templates['template0'] = this.#policy(true)
      for (const newId of ['link0', 'link1']) {
        links.push({
          templateId: 'template0',
          newId,
          values: { '?principal': this.#pick(uids), '?resource': this.#pick(uids) },
        })
      }
    }
    const entities = this.#entities()
    const requests = Array.from({ length: requestCount }, () => this.#request())
    return { policies, templates, links, entities, requests }
  }

  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
  #chance(share: number): boolean {
    return this.#random() < share
  }
  #pick<T>(from: readonly T[]): T {
    const found = from[this.#below(from.length)]
    if (found === undefined) throw new RangeError('nothing to pick from')
    return found
  }
  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }

  #uid(type: string): UidJson {
    return this.#pick(uids.filter((uid) => uid.type === type))
  }

  #request(): RequestJson {
    return {
      principal: this.#uid(this.#chance(0.9) ? 'User' : 'Group'),
      action: this.#uid('Action'),
      resource: this.#uid(this.#chance(0.9) ? 'Org::App' : 'Group'),
      context: this.#attributes(),
    }
  }

  #entities(): EntityJson[] {
    const entities: EntityJson[] = []
    for (const [at, uid] of uids.entries()) {
      if (this.#chance(0.35)) continue
      // Parents only further down the list: no cycles. Some do not exist.
      const later = uids.slice(at + 1).filter((other) => (other.type === 'Action') === (uid.type === 'Action'))
      const parents = later.filter(() => this.#chance(0.3))
      const tags = Object.fromEntries(
        ['a', 's', '__proto__'].filter(() => this.#chance(0.5)).map((name) => [name, this.#valueOf(name)]),
      )
      entities.push({ uid, attrs: this.#attributes(), parents, tags })
    }
    return entities
  }

  #attributes(): Record<string, Json> {
    const chosen = names.filter(() => this.#chance(0.5)).filter((name) => name !== '__entity')
    return Object.fromEntries(chosen.map((name) => [name, this.#valueOf(name)]))
  }
  #valueOf(name: string): Json {
    const kind = this.#chance(0.85) ? nameKinds.get(name) : undefined
    return this.#value(kind ?? this.#pick(kinds), 0)
  }

  #value(kind: Kind, depth: number): Json {
    switch (kind) {
      case 'bool':
        return this.#chance(0.5)
      case 'long':
        return this.#chance(0.7) ? this.#below(6) - 1 : this.#pick(longs)
      case 'string':
        return this.#pick(strings)
      case 'set':
        return Array.from({ length: this.#below(4) }, () =>
          this.#value(
            depth > 1 ? 'long' : this.#pick(['long', 'string', 'entity', 'long', 'set', 'ip', 'record']),
            depth + 1,
          ),
        )
      case 'record':
        return Object.fromEntries(
          ['a', 'b', '__proto__']
            .filter(() => this.#chance(0.6))
            .map((name) => [name, this.#value(depth > 1 ? 'bool' : (nameKinds.get(name) ?? 'string'), depth + 1)]),
        )
      case 'entity':
        return { __entity: this.#pick(uids) }
      case 'ip':
        return {
          __extn: {
            fn: 'ip',
            arg: this.#pick(['10.0.0.1', '::1', '10.0.0.0/8', '224.0.0.1', 'ff00::/8', '127.0.0.1']),
          },
        }
      case 'decimal':
        return { __extn: { fn: 'decimal', arg: this.#pick(['1.5', '-1.5', '0.0', '1.5000']) } }
      case 'datetime':
        return {
          __extn: {
            fn: 'datetime',
            arg: this.#pick(['1970-01-01', '2024-02-29T12:34:56Z', '1969-12-31T23:59:59.999Z']),
          },
        }
      case 'duration':
        return { __extn: { fn: 'duration', arg: this.#pick(['1h', '60m', '-1d', '9223372036854775807ms']) } }
    }
  }

  #policy(isTemplate: boolean): Json {
    const effect = this.#chance(0.75) ? 'permit' : 'forbid'
    this.#count(effect)
    const conditions = Array.from({ length: this.#only !== null ? 1 : this.#pick([0, 1, 1, 1, 2, 3]) }, () => {
      const kind = this.#chance(0.8) ? 'when' : 'unless'
      this.#count(kind)
      return { kind, body: this.#condition() }
    })
    const isEasy = this.#chance(0.5) || this.#only !== null
    return {
      effect,
      principal: isTemplate ? this.#slotScope('?principal') : this.#scope('User', isEasy),
      action: this.#actionScope(isEasy),
      resource: isTemplate ? this.#slotScope('?resource') : this.#scope('Org::App', isEasy),
      conditions,
      ...(this.#chance(0.2) ? { annotations: { id: 'x', inspect: null } } : {}),
    }
  }

  #scope(type: string, isEasy: boolean): Json {
    const op = isEasy && this.#chance(0.6) ? 'All' : this.#pick(['All', '==', 'in', 'is', 'is in'])
    this.#count(`scope ${op}`)
    const entity = this.#chance(0.5) ? this.#uid(type) : this.#uid('Group')
    if (op === 'All') return { op }
    if (op === '==' || op === 'in') return { op, entity: this.#chance(0.5) ? entity : { __entity: entity } }
    const entityType = this.#chance(0.8) ? type : 'Group'
    return op === 'is' ? { op, entity_type: entityType } : { op: 'is', entity_type: entityType, in: { entity } }
  }

  #slotScope(slot: string): Json {
    const op = this.#pick(['==', 'in', 'is in'])
    return op === 'is in' ? { op: 'is', entity_type: 'User', in: { slot } } : { op, slot }
  }

  #actionScope(isEasy: boolean): Json {
    const op = isEasy ? 'All' : this.#pick(['All', '==', 'in', 'list'])
    if (op === 'All') return { op }
    if (op === 'list') {
      this.#count('action in list')
      return { op: 'in', entities: Array.from({ length: this.#below(4) }, () => this.#uid('Action')) }
    }
    return { op, entity: this.#uid('Action') }
  }

  #condition(): Json {
    if (this.#only === null) return this.#expression('bool', 4)
    // Wraps the wanted operator in what shows its value
    const expression = this.#operator(this.#only, 2)
    return this.#chance(0.7) && !boolOperators.has(this.#only)
      ? this.#node('==', { left: expression, right: this.#expression(resultKind(this.#only), 1) })
      : expression
  }

  #node(name: string, body: Json): Json {
    this.#count(name)
    return { [name]: body }
  }

  /** An expression of this kind, except that now and then it is of another. */
  #expression(kind: Kind, depth: number): Json {
    const wanted = this.#chance(0.03) ? this.#pick(kinds) : kind
    if (depth <= 0 || this.#chance(0.15)) return this.#leaf(wanted)
    const choices = producers[wanted]
    return this.#operator(this.#pick(choices), depth, wanted)
  }

  #leaf(kind: Kind): Json {
    const roll = this.#random()
    if (kind === 'entity' && roll < 0.6) return this.#node('Var', this.#pick(['principal', 'action', 'resource']))
    if (kind === 'record' && roll < 0.6) return this.#node('Var', 'context')
    const matching = names.filter((name) => nameKinds.get(name) === kind)
    if (matching.length > 0 && roll < 0.5) return this.#operator('.', 1, kind)
    switch (kind) {
      case 'set':
        return this.#node(
          'Set',
          Array.from({ length: this.#below(4) }, () =>
            this.#node('Value', this.#value(this.#pick(['long', 'string', 'long', 'entity']), 2)),
          ),
        )
      case 'record':
        return this.#node(
          'Record',
          Object.fromEntries(
            ['a', 'b', '__proto__']
              .filter(() => this.#chance(0.6))
              .map((name) => [name, this.#leaf(nameKinds.get(name) ?? 'string')]),
          ),
        )
      case 'ip':
        return this.#node('ip', [this.#node('Value', this.#pick(ips))])
      case 'decimal':
        return this.#node('decimal', [this.#node('Value', this.#pick(decimals))])
      case 'datetime':
        return this.#node('datetime', [this.#node('Value', this.#pick(datetimes))])
      case 'duration':
        return this.#node('duration', [this.#node('Value', this.#pick(durations))])
      case 'bool':
      case 'long':
      case 'string':
      case 'entity':
        return this.#node('Value', this.#value(kind, 1))
    }
  }

  #operator(name: string, depth: number, wanted: Kind = 'bool'): Json {
    const down = (kind: Kind): Json => this.#expression(kind, depth - 1)
    const both = (kind: Kind): Json => this.#node(name, { left: down(kind), right: down(kind) })
    const fn = Object.hasOwn(extensions, name) ? extensions[name] : undefined
    if (fn !== undefined) return this.#call(name, fn, down)
    switch (name) {
      case '!':
        return this.#node('!', { arg: down('bool') })
      case 'neg':
        return this.#node('neg', { arg: down('long') })
      case 'isEmpty':
        return this.#node('isEmpty', { arg: down('set') })
      case '==':
      case '!=':
        return both(this.#pick(kinds))
      case '<':
      case '<=':
      case '>':
      case '>=':
        return both(this.#pick(['long', 'long', 'long', 'datetime', 'duration', 'string']))
      case '+':
      case '-':
      case '*':
        return both('long')
      case '&&':
      case '||':
        return both('bool')
      case 'in':
        return this.#node('in', {
          left: down('entity'),
          right: this.#chance(0.6)
            ? down('entity')
            : this.#node(
                'Set',
                Array.from({ length: this.#below(4) }, () => down('entity')),
              ),
        })
      case 'contains':
        return this.#node(name, { left: down('set'), right: down(this.#pick(['long', 'string', 'entity', 'set'])) })
      case 'containsAll':
      case 'containsAny':
        return both('set')
      case 'getTag':
      case 'hasTag':
        return this.#node(name, {
          left: down('entity'),
          right: this.#chance(0.9) ? this.#node('Value', this.#pick(['a', 's', '__proto__', 'none'])) : down('string'),
        })
      case '.': {
        const matching = names.filter((each) => nameKinds.get(each) === wanted)
        return this.#node('.', {
          left: this.#chance(0.6)
            ? this.#node('Var', this.#pick(['context', 'principal', 'resource']))
            : down(this.#pick(['record', 'entity'])),
          attr: matching.length > 0 && this.#chance(0.9) ? this.#pick(matching) : this.#pick(names),
        })
      }
      case 'has':
        return this.#node('has', { left: down(this.#pick(['record', 'entity'])), attr: this.#pick(names) })
      case 'has path': {
        this.#count('has path')
        return this.#node('has', {
          left: down(this.#pick(['record', 'entity'])),
          attr: Array.from({ length: 1 + this.#below(3) }, () =>
            this.#pick(['a', 'é', 'b', '__proto__', 'constructor']),
          ),
        })
      }
      case 'like':
        return this.#node('like', {
          left: down('string'),
          pattern: Array.from({ length: this.#below(5) }, () =>
            this.#chance(0.45) ? 'Wildcard' : { Literal: this.#pick(['a', 'b', 'c', 'X', '*', 'ab', 'é', '\\']) },
          ),
        })
      case 'is':
        return this.#node('is', { left: down('entity'), entity_type: this.#pick(['User', 'Group', 'Org::App', 'App']) })
      case 'is in': {
        this.#count('is in')
        return this.#node('is', {
          left: down('entity'),
          entity_type: this.#pick(['User', 'Group', 'Org::App']),
          in: down(this.#chance(0.7) ? 'entity' : 'set'),
        })
      }
      case 'if-then-else':
        return this.#node(name, { if: down('bool'), then: down(wanted), else: down(wanted) })
      case 'Set':
        return this.#node(
          'Set',
          Array.from({ length: this.#below(4) }, () => down(this.#pick(['long', 'string', 'entity', 'set']))),
        )
      case 'Record':
        return this.#node(
          'Record',
          Object.fromEntries(
            ['a', 'b', 's', '__proto__', 'é']
              .filter(() => this.#chance(0.5))
              .map((each) => [each, down(nameKinds.get(each) ?? 'long')]),
          ),
        )
      default:
        return this.#leaf(wanted)
    }
  }

  #call(name: string, parameters: readonly Kind[], down: (kind: Kind) => Json): Json {
    if (parameters[0] === 'string') return this.#leaf(name as Kind)
    const args = parameters.map(down)
    if (!this.#chance(0.02)) return this.#node(name, args)
    this.#count('wrong arity')
    return this.#node(name, this.#chance(0.5) ? args.slice(1) : [...args, down('long')])
  }
}
