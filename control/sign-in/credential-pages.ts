// Pages on which credentials are chosen: the invitation and the account page. Must never show a secret other than a
// TOTP secret that is not in force yet.
import { html, type Html } from './html.ts'
import { alert, notice } from './layout.ts'
import { qrSvg } from './qr.ts'
import { totpSecretText, totpUri } from './totp.ts'

export type TotpDraft = { readonly secret: Uint8Array; readonly tenantName: string; readonly userName: string }

export function totpSetup({ secret, tenantName, userName }: TotpDraft): Html {
  const uri = totpUri(secret, `Sallyport ${tenantName}`, userName)
  return html`<p>Scan this with an authenticator app, or <a href="${uri}">open it on this device</a>.</p>
    ${qrSvg(uri, 'QR code for the authenticator app')}
    <p>Or type this secret: <code>${totpSecretText(secret)}</code></p>`
}

const newPassword = (isRequired: boolean) =>
  html`<label for="password">New password</label>
    <input
      id="password"
      name="password"
      type="password"
      minlength="12"
      maxlength="256"
      autocomplete="new-password"
      ${isRequired && html`required`}
    />
    <label for="repeat">The same again</label>
    <input
      id="repeat"
      name="repeat"
      type="password"
      minlength="12"
      maxlength="256"
      autocomplete="new-password"
      ${isRequired && html`required`}
    />`

export function invitationPage(options: {
  readonly action: string
  readonly invitation: string
  readonly token: string
  readonly userName: string
  readonly draft: TotpDraft
  readonly message: string | undefined
}): Html {
  const { action, invitation, token, userName, draft, message } = options
  return html`${alert(message)}
    <p>Your user name is <strong>${userName}</strong>. Choose a password, a passkey, or both.</p>
    <form method="post" action="${action}">
      <input type="hidden" name="token" value="${token}" />
      <input type="hidden" name="invitation" value="${invitation}" />
      <input type="hidden" name="passkey" value="" />
      <input type="text" name="username" value="${userName}" autocomplete="username" hidden />
      ${newPassword(false)}
      <button
        class="second"
        type="button"
        hidden
        data-passkey="create"
        data-submit="later"
        data-options="${action}/passkey-options?invitation=${invitation}"
      >
        Create a passkey
      </button>
      <p class="quiet" role="status" data-passkey-status></p>
      <details>
        <summary>Also ask for a code from an app when I use the password (recommended)</summary>
        ${totpSetup(draft)}
        <label for="code">Code that the app shows now</label>
        <input
          class="code"
          id="code"
          name="code"
          type="text"
          inputmode="numeric"
          maxlength="12"
          autocomplete="one-time-code"
        />
      </details>
      <button type="submit">Finish</button>
    </form>`
}

export type AccountPage = {
  readonly base: string
  readonly portal: string
  readonly token: string
  readonly userName: string
  readonly hasPassword: boolean
  readonly hasTotp: boolean
  readonly draft: TotpDraft | undefined
  readonly passkeys: readonly {
    readonly credentialId: string
    readonly name: string
    readonly createdAtMs: number
    readonly lastUsedAtMs: number | null
  }[]
  readonly message: string | undefined
  readonly done: string | undefined
}

export function accountPage(page: AccountPage): Html {
  const { base, token } = page
  const hidden = html`<input type="hidden" name="token" value="${token}" />`
  return html`${alert(page.message)}${notice(page.done)}
    <p>Signed in as <strong>${page.userName}</strong>. <a href="${page.portal}/account">Sessions</a></p>
    <h2>Passkeys</h2>
    <ul class="plain">
      ${page.passkeys.map(
        (passkey) =>
          html`<li>
            ${passkey.name}, added ${day(passkey.createdAtMs)},
            ${passkey.lastUsedAtMs === null ? 'not used yet' : `last used ${day(passkey.lastUsedAtMs)}`}
            <form method="post" action="${base}/passkeys/remove">
              ${hidden}<input type="hidden" name="credential" value="${passkey.credentialId}" />
              <button class="second" type="submit">Remove</button>
            </form>
          </li>`,
      )}
    </ul>
    <form method="post" action="${base}/passkeys">
      ${hidden}<input type="hidden" name="passkey" value="" />
      <label for="name">Name of the new passkey</label>
      <input id="name" name="name" type="text" maxlength="60" placeholder="Laptop" />
      <button type="button" hidden data-passkey="create" data-options="${base}/passkey-options">Add a passkey</button>
      <p class="quiet" role="status" data-passkey-status></p>
      <noscript><p class="quiet">Passkeys need JavaScript.</p></noscript>
    </form>
    <h2>Codes from an app</h2>
    ${
      page.hasTotp
        ? html`<p>On: the password alone is not enough.</p>
            <form method="post" action="${base}/totp/remove">
              ${hidden}<button class="second" type="submit">Turn off</button>
            </form>`
        : page.draft
          ? html`${totpSetup(page.draft)}
              <form method="post" action="${base}/totp">
                ${hidden}<label for="code">Code that the app shows now</label>
                <input
                  class="code"
                  id="code"
                  name="code"
                  type="text"
                  required
                  inputmode="numeric"
                  maxlength="12"
                  autocomplete="one-time-code"
                />
                <button type="submit">Turn on</button>
              </form>`
          : html`<p>Off. <a href="${base}?set-up=totp">Set up</a></p>`
    }
    <h2>Password</h2>
    <form method="post" action="${base}/password">
      ${hidden}
      <input type="text" name="username" value="${page.userName}" autocomplete="username" hidden />
      ${newPassword(true)}
      <button type="submit">${page.hasPassword ? 'Change the password' : 'Set a password'}</button>
      <p class="quiet">All your other sessions end when you change it.</p>
    </form>`
}

export function day(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
