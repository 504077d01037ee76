// The frame of every page of sign-in and portal. Must stay plain: no inline script or style, nothing from elsewhere.
import { html, type Html } from './html.ts'
import { stylePath, scriptPath } from './assets.ts'

export type LayoutOptions = {
  readonly title: string
  readonly heading?: string
  readonly body: Html
  readonly script?: boolean
}

export function layout({ title, heading, body, script }: LayoutOptions): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}${heading !== undefined && ` – ${heading}`}</title>
        <link rel="stylesheet" href="${stylePath}" />
        ${script === true && html`<script src="${scriptPath}" defer></script>`}
      </head>
      <body>
        <main>
          ${heading !== undefined && html`<p class="tenant">${heading}</p>`}
          <h1>${title}</h1>
          ${body}
        </main>
      </body>
    </html> `
}

export function alert(message: string | undefined): Html {
  return message === undefined ? html`` : html`<p class="alert" role="alert">${message}</p>`
}

export function notice(message: string | undefined): Html {
  return message === undefined ? html`` : html`<p class="notice" role="status">${message}</p>`
}
