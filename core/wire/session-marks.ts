// Ended sessions in a slice, as short marks: forty bits of each random id. Must never let an ended session through; that
// one live session in ten million is taken for an ended one costs its person a new sign-in.
const PREFIX = 'ses_'
export const MARK_CHARACTERS = 8
/** Marks in a slice: with the apps of a full connector group they fit its message. */
export const MAX_SESSION_MARKS = 25_000

export function markOf(sessionId: string): string {
  return sessionId.slice(PREFIX.length, PREFIX.length + MARK_CHARACTERS)
}

/** What a slice says of ended sessions, made ready to ask: by their ids, by their marks, or both. */
export function endedSessions(ids: readonly string[], marks: string): { readonly has: (sessionId: string) => boolean } {
  const whole = new Set(ids)
  const marked = new Set<string>()
  for (let at = 0; at < marks.length; at += MARK_CHARACTERS) marked.add(marks.slice(at, at + MARK_CHARACTERS))
  return { has: (sessionId) => whole.has(sessionId) || marked.has(markOf(sessionId)) }
}
