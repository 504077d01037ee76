// Names typed into one field, separated by commas, spaces or lines; each once.
export function namesIn(typed: string): string[] {
  return [...new Set(typed.split(/[\s,]+/).filter((name) => name !== ''))]
}
