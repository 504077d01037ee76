// Builds the console to `console/dist`: hashed files, nothing inline, so that the strictest content security policy
// holds. Must never put schema code into the bundle: of the route table only methods and paths go in.
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'
import { routes } from '#core/api/routes.ts'

const routePaths = Object.fromEntries(Object.entries(routes).map(([name, { method, path }]) => [name, [method, path]]))

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  define: { ROUTE_PATHS_AT_BUILD: JSON.stringify(routePaths) },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2023',
    reportCompressedSize: false,
  },
})
