// The OpenAPI 3.1 document, made from the same schemas that validate requests.
import * as z from 'zod'
import { routes } from '#core/api/routes.ts'
import type { Route } from '#core/api/route.ts'
import type { SignInConfig } from '#control/sign-in-seam.ts'

type Json = Readonly<Record<string, unknown>>

export function openApiDocument({ domain, publicPort }: SignInConfig): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    const operations = (paths[path] ??= {})
    operations[route.method.toLowerCase()] = operation(name, route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Sallyport control API', version: '1' },
    servers: [{ url: `https://api.${domain}${publicPort === 443 ? '' : `:${publicPort}`}` }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: {
            error: {
              type: 'object',
              required: ['code', 'message'],
              properties: { code: { type: 'string' }, message: { type: 'string' }, at: { type: 'string' } },
            },
          },
        },
      },
    },
  }
}

function operation(name: string, route: Route): Json {
  const status = String(route.status ?? 200)
  const mediaType = route.stream ? 'text/event-stream' : 'application/json'
  return {
    operationId: name,
    summary: route.summary,
    'x-access': route.access,
    security: route.access === 'public' ? [] : [{ bearer: [] }],
    parameters: [...pathParameters(route.path), ...queryParameters(route.query)],
    ...(route.body && {
      requestBody: { required: true, content: { 'application/json': { schema: schemaOf(route.body, 'input') } } },
    }),
    responses: {
      [status]: { description: 'done', content: { [mediaType]: { schema: schemaOf(route.reply, 'output') } } },
      default: {
        description: 'refused',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  }
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 127 },
  }))
}

function queryParameters(query: z.ZodType | undefined): Json[] {
  if (!query) return []
  const schema = schemaOf(query, 'input')
  const properties = (schema['properties'] ?? {}) as Record<string, unknown>
  const required = new Set((schema['required'] ?? []) as string[])
  return Object.entries(properties).map(([name, value]) => ({
    name,
    in: 'query',
    required: required.has(name),
    schema: value,
  }))
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const json: Record<string, unknown> = { ...z.toJSONSchema(schema, { io, unrepresentable: 'any' }) }
  // The dialect is the document's.
  delete json['$schema']
  return json
}
