// What the build provides that TypeScript cannot see: style sheets.
declare module '*.css'
