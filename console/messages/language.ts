// Which language the reader wants: chosen in the account menu, else the first of the browser's that there is a file for.
// Must stay free of words, so that it can be asked before any are loaded.
export const languages = ['en', 'de'] as const
export type Language = (typeof languages)[number]
const key = 'sallyport.language'

function chosen(): Language | undefined {
  try {
    return languages.find((entry) => entry === localStorage.getItem(key))
  } catch {
    return undefined
  }
}

function wanted(): readonly string[] {
  return typeof navigator === 'undefined' ? [] : navigator.languages
}

function firstKnown(): Language {
  for (const tag of wanted()) {
    const known = languages.find((entry) => entry === tag.slice(0, 2).toLowerCase())
    if (known) return known
  }
  return 'en'
}

/** Fixed for the life of the page: a change loads the console again, because words are part of its code. */
export const language: Language = chosen() ?? firstKnown()

/** The reader's own regional form of that language, for dates and numbers. */
export const locale: string = wanted().find((tag) => tag.toLowerCase().startsWith(language)) ?? language

export function chooseLanguage(next: Language): void {
  try {
    localStorage.setItem(key, next)
  } catch {
    return
  }
  location.reload()
}
