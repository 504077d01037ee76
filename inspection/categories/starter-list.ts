// A short list of our own making, so that the common categories mean something before any feed is configured. Names of
// services that everybody knows, typed by hand; must never be filled from somebody's list.

const table: Readonly<Record<string, string>> = {
  'social-networks':
    'facebook.com instagram.com twitter.com x.com tiktok.com linkedin.com pinterest.com reddit.com snapchat.com threads.net mastodon.social bsky.app vk.com weibo.com tumblr.com',
  webmail:
    'mail.google.com outlook.live.com outlook.office.com mail.yahoo.com mail.proton.me gmx.net web.de mail.ru fastmail.com tuta.com',
  filehosting:
    'dropbox.com drive.google.com onedrive.live.com box.com mega.nz wetransfer.com mediafire.com 4shared.com rapidgator.net icloud.com sendspace.com gofile.io pixeldrain.com file.io catbox.moe',
  ai: 'chatgpt.com chat.openai.com api.openai.com claude.ai api.anthropic.com gemini.google.com generativelanguage.googleapis.com copilot.microsoft.com perplexity.ai chat.mistral.ai api.mistral.ai chat.deepseek.com api.deepseek.com grok.com poe.com character.ai huggingface.co openrouter.ai',
  'audio-video':
    'youtube.com netflix.com twitch.tv vimeo.com dailymotion.com spotify.com soundcloud.com primevideo.com disneyplus.com hulu.com deezer.com tidal.com bilibili.com',
  games:
    'steampowered.com steamcommunity.com epicgames.com roblox.com minecraft.net playstation.com xbox.com nintendo.com chess.com battle.net ea.com',
  shopping:
    'amazon.com amazon.de amazon.co.uk amazon.co.jp amazon.fr ebay.com ebay.de aliexpress.com temu.com shein.com etsy.com walmart.com zalando.de rakuten.co.jp mercari.com',
  gambling:
    'bet365.com pokerstars.com williamhill.com betfair.com bwin.com 888casino.com stake.com draftkings.com fanduel.com',
  dating: 'tinder.com bumble.com okcupid.com match.com hinge.co badoo.com parship.de',
  adult: 'pornhub.com xvideos.com xnxx.com xhamster.com redtube.com youporn.com onlyfans.com chaturbate.com',
  bank: 'chase.com bankofamerica.com wellsfargo.com citi.com hsbc.com hsbc.co.uk barclays.co.uk lloydsbank.com natwest.com deutsche-bank.de commerzbank.de sparkasse.de ing.de ing.nl rabobank.nl abnamro.nl bnpparibas.com societegenerale.fr credit-agricole.fr santander.com bbva.es caixabank.es unicredit.it intesasanpaolo.com ubs.com postfinance.ch mizuhobank.co.jp smbc.co.jp bk.mufg.jp revolut.com n26.com wise.com paypal.com',
  health: 'nhs.uk mayoclinic.org webmd.com doctolib.fr doctolib.de ameli.fr mychart.com patient.info healthline.com',
  press:
    'nytimes.com bbc.co.uk bbc.com theguardian.com reuters.com cnn.com washingtonpost.com lemonde.fr lefigaro.fr spiegel.de zeit.de faz.net elpais.com corriere.it nikkei.com asahi.com nhk.or.jp',
  jobsearch: 'indeed.com stepstone.de monster.com glassdoor.com xing.com',
  shortener: 'bit.ly tinyurl.com t.co is.gd ow.ly rebrand.ly cutt.ly rb.gy s.id t.ly shorturl.at',
  'dynamic-dns': 'duckdns.org ddns.net hopto.org zapto.org no-ip.org dyndns.org dynu.net dynv6.net mooo.com',
  redirector: 'translate.goog archive.ph web.archive.org hidemyass.com croxyproxy.com hide.me proxysite.com kproxy.com',
  vpn: 'nordvpn.com expressvpn.com surfshark.com protonvpn.com mullvad.net privateinternetaccess.com cyberghostvpn.com torproject.org tailscale.com',
  doh: 'dns.google cloudflare-dns.com one.one.one.one mozilla.cloudflare-dns.com dns.quad9.net doh.opendns.com dns.nextdns.io dns.adguard-dns.com doh.cleanbrowsing.org',
  'remote-control':
    'teamviewer.com anydesk.com logmein.com rustdesk.com splashtop.com remotedesktop.google.com gotomypc.com ultraviewer.net screenconnect.com',
  chat: 'web.whatsapp.com web.telegram.org discord.com signal.org slack.com messenger.com teams.microsoft.com zoom.us',
  forums: 'stackoverflow.com stackexchange.com quora.com 4chan.org discourse.org',
  update:
    'windowsupdate.com update.microsoft.com swcdn.apple.com download.windowsupdate.com gdmf.apple.com swscan.apple.com',
  development: 'github.com gitlab.com bitbucket.org githubusercontent.com npmjs.com docker.com docker.io',
  cryptocurrency:
    'coinbase.com binance.com kraken.com kucoin.com bybit.com okx.com metamask.io blockchain.com ledger.com trezor.io',
}

export function* starterEntries(): Generator<{ readonly host: string; readonly category: string }> {
  for (const [category, hosts] of Object.entries(table)) for (const host of hosts.split(' ')) yield { host, category }
}
