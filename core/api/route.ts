// The form of the API contract: each route with who may call it and the schemas of what goes in and out.
// The server validates with these, the OpenAPI document is made from them, and the isolation test lists them.
import type * as z from 'zod'

/**
 * Who may call: `public` (the body carries its own proof), `user` (anyone signed in to the tenant, about
 * themselves), `auditor` (reads), `tenant-admin` (reads and writes), `provider-admin` (tenants and exchanges).
 * Each later role of the tenant may do what the earlier ones may; provider-admin grants nothing inside a tenant.
 */
export type Access = 'public' | 'user' | 'auditor' | 'tenant-admin' | 'provider-admin'

export type Route = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Hono form, e.g. `/v1/tenants/:tenant/apps/:name`; `:tenant` is a tenant's name. */
  readonly path: string
  readonly summary: string
  readonly access: Access
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  readonly reply: z.ZodType
  readonly status?: 200 | 201 | 202 | 204
  /** Changes nothing although it is no GET: it need not be on record. */
  readonly isQuestion?: true
  /** A stream of server-sent events, each `data:` line one `reply`. */
  readonly stream?: true
}

export function defineRoutes<T extends Record<string, Route>>(routes: T): T {
  return routes
}

export type BodyOf<R extends Route> = R['body'] extends z.ZodType ? z.infer<R['body']> : undefined
export type QueryOf<R extends Route> = R['query'] extends z.ZodType ? z.infer<R['query']> : undefined
export type ReplyOf<R extends Route> = z.infer<R['reply']>
