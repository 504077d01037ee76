// Refuses every query that could touch another tenant's rows, whatever code built it. Must never guess: a query
// whose form it does not know is refused, not passed.
import type {
  ColumnNode,
  KyselyPlugin,
  OperationNode,
  PluginTransformQueryArgs,
  PluginTransformResultArgs,
  QueryResult,
  RootOperationNode,
  UnknownRow,
} from 'kysely'
import * as K from 'kysely'
import { Fault } from '#core/fault.ts'

export type TenantGuardOptions = {
  /** Null: the handle of the provider, which reaches no tenant table at all. */
  readonly tenantId: string | null
  readonly tenantTables: ReadonlySet<string>
  /** Tables that belong to no tenant. What is in neither set cannot be reached at all. */
  readonly providerTables: ReadonlySet<string>
}

export class TenantGuard implements KyselyPlugin {
  readonly #options: TenantGuardOptions

  constructor(options: TenantGuardOptions) {
    this.#options = options
  }

  transformQuery({ node }: PluginTransformQueryArgs): RootOperationNode {
    checkQuery(node, this.#options)
    return node
  }

  async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    return result
  }
}

type Source = { readonly table: string; readonly alias: string; readonly on: OperationNode | undefined }

const queryKinds = new Set(['SelectQueryNode', 'InsertQueryNode', 'UpdateQueryNode', 'DeleteQueryNode'])
const refusedKinds = new Set(['MergeQueryNode', 'WithNode', 'OnDuplicateKeyNode', 'SetOperationNode', 'UsingNode'])
const directions = new Set(['asc', 'desc'])

function refuse(why: string): never {
  throw new Fault('internal', { detail: { why: `tenant guard: ${why}` } })
}

function checkQuery(node: OperationNode, options: TenantGuardOptions): void {
  if (!queryKinds.has(node.kind)) refuse(`${node.kind} is not a query of the store`)
  walk(node, options)
}

/** Every query inside, at any depth, is checked by itself. */
function walk(node: OperationNode, options: TenantGuardOptions): void {
  if (refusedKinds.has(node.kind)) refuse(node.kind)
  if (K.RawNode.is(node)) {
    if (node.parameters.length > 0 || !directions.has(node.sqlFragments.join(''))) refuse('raw SQL')
    return
  }
  if (K.SelectQueryNode.is(node)) checkSources(selectSources(node), node.where?.where, options)
  else if (K.UpdateQueryNode.is(node)) checkUpdate(node, options)
  else if (K.DeleteQueryNode.is(node)) {
    if (node.joins || node.using || node.from.froms.length !== 1) refuse('delete from several tables')
    checkSources(
      node.from.froms.map((from) => source(from)),
      node.where?.where,
      options,
    )
  } else if (K.InsertQueryNode.is(node)) checkInsert(node, options)
  for (const value of Object.values(node)) walkValue(value, options)
}

function walkValue(value: unknown, options: TenantGuardOptions): void {
  if (Array.isArray(value)) for (const item of value) walkValue(item, options)
  else if (isNode(value)) walk(value, options)
}

function isNode(value: unknown): value is OperationNode {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string'
}

function selectSources(node: K.SelectQueryNode): Source[] {
  const sources = (node.from?.froms ?? []).map((from) => source(from))
  for (const join of node.joins ?? []) {
    if (join.joinType !== 'InnerJoin' && join.joinType !== 'LeftJoin') refuse(join.joinType)
    sources.push({ ...source(join.table), on: join.on?.on })
    // What an inner join demands holds for every table of the query, what a left join demands only for its own.
    if (join.joinType === 'InnerJoin' && join.on)
      for (const [index, other] of sources.entries())
        sources[index] = { ...other, on: other.on ? K.AndNode.create(other.on, join.on.on) : join.on.on }
  }
  return sources
}

function source(node: OperationNode): Source {
  if (K.TableNode.is(node)) {
    if (node.table.schema) refuse('a schema in a table name')
    return { table: node.table.identifier.name, alias: node.table.identifier.name, on: undefined }
  }
  if (K.AliasNode.is(node) && K.IdentifierNode.is(node.alias)) {
    // A subquery is checked when the walk reaches it; its result is rows of this tenant already.
    if (K.SelectQueryNode.is(node.node)) return { table: '', alias: node.alias.name, on: undefined }
    return { ...source(node.node), alias: node.alias.name }
  }
  return refuse(`a source of kind ${node.kind}`)
}

function checkSources(sources: readonly Source[], where: OperationNode | undefined, options: TenantGuardOptions): void {
  for (const { table, alias, on } of sources) {
    requireKnown(table, options)
    if (!options.tenantTables.has(table)) continue
    if (options.tenantId === null) refuse(`the provider's handle reached for ${table}`)
    const bounds = [...conjuncts(where), ...conjuncts(on)]
    const isBound = bounds.some((bound) => isTenantPredicate(bound, alias, sources.length === 1, options.tenantId))
    if (!isBound) refuse(`no tenant predicate on ${table}`)
  }
}

/** The empty name stands for a subquery, which is checked by itself. */
function requireKnown(table: string, options: TenantGuardOptions): void {
  if (table !== '' && !options.tenantTables.has(table) && !options.providerTables.has(table))
    refuse(`the table ${table} is in no list`)
}

function conjuncts(node: OperationNode | undefined): readonly OperationNode[] {
  if (node === undefined) return []
  if (K.AndNode.is(node)) return [...conjuncts(node.left), ...conjuncts(node.right)]
  if (K.ParensNode.is(node)) return conjuncts(node.node)
  return [node]
}

function isTenantPredicate(
  node: OperationNode,
  alias: string,
  isOnlySource: boolean,
  tenantId: string | null,
): boolean {
  if (!K.BinaryOperationNode.is(node) || !K.OperatorNode.is(node.operator) || node.operator.operator !== '=')
    return false
  const { leftOperand: left, rightOperand: right } = node
  if (!K.ReferenceNode.is(left) || !K.ColumnNode.is(left.column) || left.column.column.name !== 'tenantId') return false
  const qualifier = left.table?.table.identifier.name
  if (qualifier === undefined ? !isOnlySource : qualifier !== alias) return false
  return K.ValueNode.is(right) && right.value === tenantId
}

function checkUpdate(node: K.UpdateQueryNode, options: TenantGuardOptions): void {
  if (node.from || node.joins || !node.table) refuse('update from several tables')
  const target = source(node.table)
  checkSources([target], node.where?.where, options)
  if (options.tenantTables.has(target.table))
    for (const update of node.updates ?? []) if (columnName(update.column) === 'tenantId') refuse('a row may not move')
}

function checkInsert(node: K.InsertQueryNode, options: TenantGuardOptions): void {
  if (!node.into || node.replace || node.orAction || node.defaultValues) refuse('this form of insert')
  const { table } = source(node.into)
  requireKnown(table, options)
  if (!options.tenantTables.has(table)) return
  if (options.tenantId === null) refuse(`the provider's handle reached for ${table}`)
  const at = (node.columns ?? []).findIndex((column: ColumnNode) => column.column.name === 'tenantId')
  if (at < 0 || !node.values || !K.ValuesNode.is(node.values)) refuse(`no tenant in a row of ${table}`)
  for (const row of node.values.values) {
    const value = K.PrimitiveValueListNode.is(row) ? row.values[at] : row.values[at]
    const plain = isNode(value) && K.ValueNode.is(value) ? value.value : value
    if (plain !== options.tenantId) refuse(`a row of another tenant in ${table}`)
  }
  const conflict = node.onConflict
  if (!conflict) return
  // Without the tenant in the conflict target, an update could land on another tenant's row.
  if (!conflict.columns?.some((column) => column.column.name === 'tenantId')) refuse('a conflict target without tenant')
  for (const update of conflict.updates ?? [])
    if (columnName(update.column) === 'tenantId') refuse('a row may not move')
}

function columnName(node: OperationNode): string {
  if (K.ColumnNode.is(node)) return node.column.name
  if (K.ReferenceNode.is(node) && K.ColumnNode.is(node.column)) return node.column.column.name
  return refuse('an update of something that is not a column')
}
