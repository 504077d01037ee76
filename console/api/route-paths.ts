// Methods and paths of the API's routes, put in by the build from `#core/api/routes.ts`, so that the schemas stay out.
declare const ROUTE_PATHS_AT_BUILD: Readonly<Record<string, readonly [method: string, path: string]>>
export const routePaths = ROUTE_PATHS_AT_BUILD
