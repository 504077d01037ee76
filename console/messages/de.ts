// German. Labels and buttons without full stop, sentences with one; people are addressed as "Sie", and rarely.
import type { en } from './en.ts'
import type { Translation } from './translation.ts'

export const de: Translation<typeof en> = {
  product: 'Sallyport',
}
