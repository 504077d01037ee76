// For tests only: writes a policy into the editor as a person does.
import type { Page } from 'playwright-core'

/**
 * Empties the editor first: text put over a selection takes on the style of what was there, which Chromium writes as an
 * inline style and our content security policy refuses.
 */
export async function writePolicy(page: Page, text: string): Promise<void> {
  const editor = page.getByRole('textbox', { name: 'Policy text' })
  await editor.click()
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
}
