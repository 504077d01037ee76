// One declarative document, after validation: kind and spec belong together.
import type { ResourceKind, ResourceSpec } from '#core/resources/kinds.ts'

export type Document = {
  readonly [K in ResourceKind]: { readonly kind: K; readonly name: string; readonly spec: ResourceSpec<K> }
}[ResourceKind]
