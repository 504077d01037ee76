// Asks the browser for a passkey and puts the answer into the form beside the button. Sends nothing by itself
// except the request for a challenge to our own server.
'use strict'
const text = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const bytes = (value) => Uint8Array.from(atob(value.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
const withBytes = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }))

const explained = {
  NotAllowedError: 'No passkey was used. Try again, or use another way.',
  InvalidStateError: 'This device has a passkey for this account already.',
  SecurityError: 'This browser does not allow passkeys on this page.',
}

async function answer(kind, options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) }
  if (kind === 'create') {
    publicKey.user = { ...options.user, id: bytes(options.user.id) }
    publicKey.excludeCredentials = withBytes(options.excludeCredentials)
    const made = await navigator.credentials.create({ publicKey })
    return {
      id: made.id,
      rawId: made.id,
      type: made.type,
      clientExtensionResults: made.getClientExtensionResults(),
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports ? made.response.getTransports() : [],
      },
    }
  }
  publicKey.allowCredentials = withBytes(options.allowCredentials)
  const got = await navigator.credentials.get({ publicKey })
  return {
    id: got.id,
    rawId: got.id,
    type: got.type,
    clientExtensionResults: got.getClientExtensionResults(),
    response: {
      clientDataJSON: text(got.response.clientDataJSON),
      authenticatorData: text(got.response.authenticatorData),
      signature: text(got.response.signature),
      userHandle: got.response.userHandle ? text(got.response.userHandle) : undefined,
    },
  }
}

for (const button of document.querySelectorAll('button[data-passkey]')) {
  if (!globalThis.PublicKeyCredential) continue
  button.hidden = false
  button.addEventListener('click', () => void ask(button))
}

async function ask(button) {
  const form = button.closest('form')
  const status = form.querySelector('[data-passkey-status]')
  button.disabled = true
  try {
    const reply = await fetch(button.dataset.options, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: form.elements.token ? form.elements.token.value : '' }),
    })
    const options = await reply.json()
    if (!reply.ok) throw new Error(options.message)
    form.elements.passkey.value = JSON.stringify(await answer(button.dataset.passkey, options))
    if (button.dataset.submit === 'later') status.textContent = 'The passkey is ready. Finish below.'
    else form.submit()
  } catch (error) {
    status.textContent = explained[error.name] || error.message
  } finally {
    button.disabled = false
  }
}
