// The sign-in pages: user name and password, one-time code, passkey, other providers. Everything but passkeys works
// without JavaScript. Must never say whether a name exists.
import { html, type Html } from './html.ts'
import { alert } from './layout.ts'

export type SignInPage = {
  readonly base: string
  readonly token: string
  readonly message?: string | undefined
  readonly providers: readonly { readonly name: string; readonly displayName: string }[]
  readonly hint: string
}

export function signInPage({ base, token, message, providers, hint }: SignInPage): Html {
  return html`${alert(message)}
    <form method="post" action="${base}/password">
      <input type="hidden" name="token" value="${token}" />
      <label for="user">User name</label>
      <input
        id="user"
        name="user"
        type="text"
        required
        maxlength="127"
        value="${hint}"
        autocomplete="username webauthn"
        autocapitalize="none"
        spellcheck="false"
        autofocus
      />
      <label for="password">Password</label>
      <input id="password" name="password" type="password" required maxlength="256" autocomplete="current-password" />
      <button type="submit">Sign in</button>
    </form>
    <form method="post" action="${base}/passkey">
      <input type="hidden" name="token" value="${token}" />
      <input type="hidden" name="passkey" value="" />
      <button class="second" type="button" hidden data-passkey="get" data-options="${base}/passkey-options">
        Sign in with a passkey
      </button>
      <p class="quiet" role="status" data-passkey-status></p>
    </form>
    ${
      providers.length > 0 &&
      html`<h2>Or sign in with</h2>
        <ul class="plain">
          ${providers.map(
            (provider) =>
              html`<li><a href="${base}/with/${provider.name}" rel="nofollow">${provider.displayName}</a></li>`,
          )}
        </ul>`
    }
    <form method="post" action="${base}/cancel">
      <input type="hidden" name="token" value="${token}" />
      <p class="quiet">No account yet? An administrator can send you an invitation.</p>
      <button class="second" type="submit">Cancel</button>
    </form>`
}

export function codePage(base: string, token: string, message: string | undefined): Html {
  return html`${alert(message)}
    <form method="post" action="${base}/code">
      <input type="hidden" name="token" value="${token}" />
      <label for="code">Code from your authenticator app</label>
      <input
        class="code"
        id="code"
        name="code"
        type="text"
        required
        inputmode="numeric"
        maxlength="12"
        autocomplete="one-time-code"
        autofocus
      />
      <button type="submit">Continue</button>
    </form>`
}

export function connectPage(base: string, token: string, client: string, userName: string): Html {
  return html`<p>${client} on this computer wants to sign in as <strong>${userName}</strong>.</p>
    <p>If you did not just start it, cancel.</p>
    <form method="post" action="${base}/connect">
      <input type="hidden" name="token" value="${token}" />
      <button type="submit">Continue</button>
    </form>
    <form method="post" action="${base}/cancel">
      <input type="hidden" name="token" value="${token}" />
      <button class="second" type="submit">Cancel</button>
    </form>`
}
