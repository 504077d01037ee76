// The words on the screen, in the language chosen. Every language is one file with the shape of `en.ts`.
import { en } from './en.ts'

export type Messages = typeof en
export const text: Messages = en
