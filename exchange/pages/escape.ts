// Text into HTML. Must never let a name that somebody else chose become markup.

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`=]/g, (character) => `&#${character.charCodeAt(0)};`)
}
