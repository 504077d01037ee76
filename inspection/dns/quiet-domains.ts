// Services that put data into names on purpose and are known for it: reputation look-ups, certificate and update checks,
// content networks with a name per object. Typed by hand. Must stay short: everything here is blind for the detectors.
export const quietDomains: ReadonlySet<string> = new Set(
  `spamhaus.org spamcop.net barracudacentral.org sorbs.net surbl.org uribl.com dnswl.org abuseat.org mailspike.net
sophosxl.net mcafee.com trendmicro.com avast.com avg.com eset.com e5.sk bitdefender.net kaspersky.com cymru.com
akamaiedge.net akamai.net edgekey.net edgesuite.net cloudfront.net fastly.net googlevideo.com gvt1.com
windowsupdate.com microsoft.com apple.com icloud.com amazonaws.com`.split(/\s+/),
)
