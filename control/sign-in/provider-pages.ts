// Pages that the OpenID provider asks us to draw: its errors and the device-code pages. Must never draw what a
// client sent without escaping, nor fill in a code that came in a link (RFC 8628 §5.4: a stranger may have sent it).
import type { Configuration, ErrorOut, KoaContextWithOIDC } from 'oidc-provider'
import { html, type Html } from './html.ts'
import { alert, layout } from './layout.ts'

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>

export type ProviderPages = {
  readonly error: (ctx: KoaContextWithOIDC, out: ErrorOut) => void
  readonly userCodeInput: NonNullable<DeviceFlow['userCodeInputSource']>
  readonly userCodeConfirm: NonNullable<DeviceFlow['userCodeConfirmSource']>
  readonly userCodeDone: NonNullable<DeviceFlow['successSource']>
}

const deviceErrors: Readonly<Record<string, string>> = {
  NoCodeError: 'Enter the code that the other screen shows.',
  NotFoundError: 'This code is not known. Check it and try again.',
  ExpiredError: 'This code has expired. Start again on the other screen.',
  AlreadyUsedError: 'This code was used already. Start again on the other screen.',
  AbortedError: 'You have refused. Nothing was connected.',
}

const texts: Readonly<Record<string, string>> = {
  access_denied: 'The sign-in was not completed.',
  invalid_client: 'The program that asked is not known here.',
  invalid_redirect_uri: 'The program asked to be answered at an address that is not its own.',
  session_not_found: 'This page has expired or was finished in another tab. Go back to where you started.',
  server_error: 'Something went wrong on our side.',
}

export function providerPages(tenantDisplayName: () => string): ProviderPages {
  const page = (ctx: KoaContextWithOIDC, title: string, body: Html) => {
    ctx.type = 'html'
    ctx.body = layout({ title, heading: tenantDisplayName(), body }).toString()
  }
  const secretOf = (ctx: KoaContextWithOIDC): string => {
    const state: unknown = ctx.oidc.session?.['state']
    const secret: unknown = typeof state === 'object' && state !== null ? Reflect.get(state, 'secret') : undefined
    return typeof secret === 'string' ? secret : ''
  }
  return {
    error: (ctx, out) => {
      page(
        ctx,
        'That did not work',
        html`<p role="alert">${texts[out.error] ?? 'The request was not understood.'}</p>
          <p class="quiet">Code: ${out.error}</p>`,
      )
    },
    userCodeInput: (ctx, _form, out, error) => {
      const message = out || error ? (deviceErrors[error?.name ?? ''] ?? 'That did not work. Try again.') : undefined
      page(
        ctx,
        'Connect a device',
        html`${alert(message)}
          <form method="post" action="${ctx.oidc.urlFor('code_verification')}">
            <input type="hidden" name="xsrf" value="${secretOf(ctx)}" />
            <label for="code">Code shown by the device</label>
            <input
              class="code"
              id="code"
              name="user_code"
              type="text"
              required
              autofocus
              autocomplete="off"
              autocapitalize="characters"
              spellcheck="false"
              maxlength="32"
              placeholder="XXXX-XXXX"
            />
            <p class="quiet">Only enter a code that you started yourself, on a device in front of you.</p>
            <button type="submit">Continue</button>
          </form>`,
      )
    },
    userCodeConfirm: (ctx, _form, client, deviceInfo, userCode) => {
      const action = ctx.oidc.urlFor('code_verification')
      const hidden = html`<input type="hidden" name="xsrf" value="${secretOf(ctx)}" /><input
          type="hidden"
          name="user_code"
          value="${userCode}"
        />`
      const ip: unknown = Reflect.get(deviceInfo, 'ip')
      page(
        ctx,
        'Is this your device?',
        html`<p>${client.clientName ?? client.clientId} wants to sign in as you.</p>
          <p>Code: <strong class="code">${userCode}</strong></p>
          ${typeof ip === 'string' && ip !== '' && html`<p class="quiet">It asked from ${ip}.</p>`}
          <p>If you did not start this yourself, refuse: somebody may be trying to use your account.</p>
          <form method="post" action="${action}">
            ${hidden}<input type="hidden" name="confirm" value="yes" /><button type="submit">Connect it</button>
          </form>
          <form method="post" action="${action}">
            ${hidden}<input type="hidden" name="abort" value="yes" /><button class="second" type="submit">
              Refuse
            </button>
          </form>`,
      )
    },
    userCodeDone: (ctx) => {
      page(ctx, 'Connected', html`<p role="status">The device is connected. You can close this page.</p>`)
    },
  }
}
