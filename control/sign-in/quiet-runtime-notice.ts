// Imported before `oidc-provider`, which at import warns on every Node release without an LTS name. We pin the
// release and test on it, so the line only hides those that matter. Silences that one line, nothing else.
// oxlint-disable no-console -- the line to hide is written to the console
const { warn } = console

console.warn = (...words: unknown[]) => {
  if (typeof words[0] === 'string' && words[0].includes('Unsupported runtime')) console.warn = warn
  else warn(...words)
}
