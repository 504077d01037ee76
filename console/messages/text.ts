// The words on the screen, in the language chosen. English is always there; any other is one file with its shape, loaded
// before anything is drawn.
import { en } from './en.ts'
import { language } from './language.ts'
import { filled, type Words } from './translation.ts'

export type Messages = Words<typeof en>
export const text: Messages = language === 'de' ? filled(en, (await import('./de.ts')).de) : en
