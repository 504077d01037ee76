// Services whose programs accept only certificates of their maker: interception breaks them and shows nothing. Versioned,
// so that a journal entry can say which list it was. Must never name a host to which people can upload at will.

export const pinnedServices: { readonly version: string; readonly hosts: readonly string[] } = {
  version: '2026-11-1',
  hosts: [
    // Apple: push, software and device management (the maker says that these refuse inspection).
    'push.apple.com',
    'albert.apple.com',
    'gdmf.apple.com',
    'deviceenrollment.apple.com',
    'mdmenrollment.apple.com',
    'iprofiles.apple.com',
    'gs.apple.com',
    'swscan.apple.com',
    'swdist.apple.com',
    'mesu.apple.com',
    'ppq.apple.com',
    'ocsp.apple.com',
    'ocsp2.apple.com',
    // Microsoft: updates and activation.
    'update.microsoft.com',
    'windowsupdate.com',
    'delivery.mp.microsoft.com',
    'dl.delivery.mp.microsoft.com',
    'tsfe.trafficshaping.dsp.mp.microsoft.com',
    'activation-v2.sls.microsoft.com',
    'wns.windows.com',
    // Google: device push and updates of the browser.
    'mtalk.google.com',
    'mtalk4.google.com',
    'update.googleapis.com',
    'clientservices.googleapis.com',
    // Mozilla: updates.
    'aus5.mozilla.org',
    'push.services.mozilla.com',
    // Messengers whose programs pin.
    'signal.org',
    'whisper.systems',
    'whatsapp.net',
  ],
}

const hosts: ReadonlySet<string> = new Set(pinnedServices.hosts)

/** The entry of the list that covers this host. */
export function pinnedService(suffixes: Iterable<string>): string | undefined {
  for (const suffix of suffixes) if (hosts.has(suffix)) return suffix
  return undefined
}
