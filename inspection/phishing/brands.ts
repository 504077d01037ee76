// The brands that are imitated most, and the domains that are really theirs. A name here is evidence only where it does
// not belong. Must never hold a domain that lets strangers put pages under the brand's name (those are in hosting.ts).

/** `names | registrable domains`; the first name is the one people know. Names of up to four letters count as words only. */
const table = `
amazon amzn amazn | amazon.com amazon.co.jp amazon.de amazon.co.uk amazon.fr amazon.it amazon.es amazon.in amazon.ca amazon.com.br amazon.com.mx amazon.com.au amazon.nl amazon.se amazon.pl aboutamazon.com amazon.science awsstatic.com
apple appleid icloud itunes findmy | apple.com icloud.com itunes.com me.com
smbc smbccard vpass mitsuisumitomo | smbc.co.jp smbc-card.com smbcgroup.com vpass.ne.jp smbc.com
ekinet eki-net | eki-net.com jreast.co.jp
aeon aeoncard aeonbank | aeon.co.jp aeonbank.co.jp aeon.com aeoncredit.co.jp aeon.info
au auone aupay kddi | au.com auone.jp kddi.com kddi.jp
saison saisoncard creditsaison | saisoncard.co.jp saison.co.jp creditsaison.co.jp
mercari | mercari.com mercari.jp
epos eposcard | eposcard.co.jp
etc-meisai etcmeisai | etc-meisai.jp
mufg nicos mitsubishi | mufg.jp nicos.co.jp mufg.com mitsubishielectric.com
rakuten | rakuten.co.jp rakuten.com rakuten.ne.jp rakuten-card.co.jp rakuten-bank.co.jp
softbank | softbank.jp softbank.co.jp
jcb | jcb.co.jp jcb.com global.jcb
kuroneko kuronekoyamato yamato | kuronekoyamato.co.jp yamato-hd.co.jp
sagawa | sagawa-exp.co.jp
japanpost jpbank jppost yubin | japanpost.jp jp-bank.japanpost.jp
tepco | tepco.co.jp
etax | nta.go.jp
docomo nttdocomo | docomo.ne.jp nttdocomo.co.jp docomo-cycle.jp
micard | micard.co.jp
biglobe | biglobe.ne.jp biglobe.co.jp
viewcard | viewcard.jp jreast.co.jp
yodobashi | yodobashi.com
americanexpress amex | americanexpress.com aexp.com
aplus | aplus.co.jp
paypay | paypay.ne.jp paypay-bank.co.jp paypay-card.co.jp
nhk | nhk.or.jp nhk.jp
mitsukoshi isetan | mistore.jp mitsukoshi.co.jp isetan.co.jp
jaccs | jaccs.co.jp
mizuho mizuhobank | mizuhobank.co.jp mizuho-fg.co.jp
orico | orico.co.jp
mastercard | mastercard.com mastercard.us
visa | visa.com visa.co.jp
netflix | netflix.com nflxvideo.net
plala | plala.or.jp
aozora | aozorabank.co.jp gmo-aozora.com
pocketcard | pocketcard.co.jp
lifecard | lifecard.co.jp
westjr odekake jrodekake | westjr.co.jp jr-odekake.net
aiful | aiful.co.jp
resona | resonabank.co.jp resona-gr.co.jp
jalmile | jal.co.jp jal.com
sbisec rakutensec | sbisec.co.jp rakuten-sec.co.jp
nomura | nomura.co.jp nomura.com
matsui monex | matsui.co.jp monex.co.jp
tokyogas | tokyo-gas.co.jp
familymart | family.co.jp
mobilesuica suica | jreast.co.jp mobilesuica.com
paypal | paypal.com paypal.me paypalobjects.com paypal-community.com
microsoft office365 outlook onedrive sharepoint hotmail msft | microsoft.com office.com live.com outlook.com microsoftonline.com sharepoint.com office365.com onedrive.com msn.com hotmail.com windows.com azure.com windows.net microsoft365.com
google gmail googledrive | google.com gmail.com google.co.jp google.de google.fr google.co.uk googleapis.com gstatic.com youtube.com withgoogle.com google.dev goo.gl
facebook fbook | facebook.com fb.com meta.com fbcdn.net messenger.com
instagram insta | instagram.com
whatsapp | whatsapp.com whatsapp.net wa.me
telegram | telegram.org t.me telegram.me
linkedin | linkedin.com licdn.com lnkd.in
twitter | twitter.com x.com t.co
tiktok | tiktok.com
snapchat | snapchat.com
steam steamcommunity steampowered | steamcommunity.com steampowered.com
roblox | roblox.com rbxcdn.com
discord | discord.com discord.gg discordapp.com
yahoo | yahoo.com yahoo.co.jp yimg.com
line linecorp | line.me linecorp.com
coinbase | coinbase.com
binance | binance.com binance.us
metamask | metamask.io
ledger ledgerlive | ledger.com
trezor | trezor.io
trustwallet | trustwallet.com
uniswap pancakeswap | uniswap.org pancakeswap.finance
opensea | opensea.io
blockchain | blockchain.com blockchain.info
kraken | kraken.com
kucoin | kucoin.com
poloniex | poloniex.com
bitflyer coincheck | bitflyer.com coincheck.com
bitget bybit | bitget.com bybit.com
walletconnect phantom | walletconnect.com phantom.com
chase jpmorgan | chase.com jpmorgan.com
wellsfargo | wellsfargo.com
bankofamerica bofa | bankofamerica.com
citibank citi | citi.com citibank.com
capitalone | capitalone.com
usbank | usbank.com
navyfederal | navyfederal.org
hsbc | hsbc.com hsbc.co.uk hsbc.com.hk
barclays | barclays.co.uk barclays.com
lloyds halifax | lloydsbank.com lloydsbank.co.uk halifax.co.uk
natwest | natwest.com
santander | santander.com santander.co.uk santander.es santander.com.br santander.com.mx
bbva | bbva.com bbva.es bbva.mx
caixabank | caixabank.es caixabank.com
intesasanpaolo intesa | intesasanpaolo.com
unicredit | unicredit.it unicreditgroup.eu
ing | ing.com ing.nl ing.de ing.be
abnamro | abnamro.nl abnamro.com
rabobank | rabobank.nl rabobank.com
commerzbank | commerzbank.de commerzbank.com
sparkasse | sparkasse.de
volksbank | vr.de volksbank.de
postbank | postbank.de
bnpparibas | bnpparibas.com bnpparibas.fr
creditagricole | credit-agricole.fr credit-agricole.com
societegenerale | societegenerale.fr societegenerale.com
labanquepostale laposte | labanquepostale.fr laposte.fr laposte.net
chronopost colissimo | chronopost.fr laposte.fr
impots ameli | impots.gouv.fr ameli.fr
swisspost postfinance | post.ch postfinance.ch
dhl dhlexpress | dhl.com dhl.de dhl.fr dhl.co.uk
fedex | fedex.com
ups | ups.com
usps | usps.com
dpd | dpd.com dpd.de dpd.co.uk dpd.fr
royalmail | royalmail.com
evri | evri.com
correos | correos.es
posteitaliane | poste.it
postnl | postnl.nl
auspost | auspost.com.au
canadapost | canadapost.ca canadapost-postescanada.ca
interac | interac.ca
cibc | cibc.com
rbc royalbank | rbc.com rbcroyalbank.com
scotiabank | scotiabank.com
desjardins | desjardins.com
docusign | docusign.com docusign.net
dropbox | dropbox.com dropboxusercontent.com
wetransfer | wetransfer.com we.tl
adobe | adobe.com adobe.io
zimbra roundcube | zimbra.com roundcube.net
cpanel | cpanel.net
godaddy | godaddy.com
ionos | ionos.com ionos.de
ovhcloud | ovh.com ovhcloud.com ovh.net
verizon | verizon.com
tmobile | t-mobile.com t-mobile.de
telekom | telekom.de telekom.com
xfinity comcast | xfinity.com comcast.com comcast.net
ebay | ebay.com ebay.de ebay.co.uk ebay.fr ebay.it ebay.com.au
walmart | walmart.com
alibaba aliexpress | alibaba.com aliexpress.com
shopee | shopee.com shopee.sg shopee.co.id shopee.com.br
mercadolibre mercadopago | mercadolibre.com mercadopago.com mercadolivre.com.br
itau | itau.com.br itau.com
bradesco | bradesco.com.br
banrisul nubank | nubank.com.br banrisul.com.br
bancolombia | bancolombia.com
irsgov | irs.gov
hmrc dvla | gov.uk
ezpass sunpass | e-zpassny.com ezpassnj.com sunpass.com
spotify | spotify.com
disneyplus | disneyplus.com
booking airbnb agoda | booking.com airbnb.com agoda.com
revolut | revolut.com
transferwise | wise.com
venmo cashapp zelle | venmo.com cash.app zellepay.com
stripe klarna | stripe.com klarna.com
garena freefire | garena.com
pubgmobile | pubgmobile.com
epicgames fortnite | epicgames.com fortnite.com
playstation nintendo | playstation.com nintendo.com nintendo.co.jp
github gitlab | github.com gitlab.com githubusercontent.com
cloudflare | cloudflare.com
wordpress | wordpress.org wordpress.com
americanairlines | aa.com
costco | costco.com costco.co.jp
homedepot | homedepot.com
`

export type Brand = { readonly name: string; readonly names: readonly string[]; readonly domains: readonly string[] }

export const brands: readonly Brand[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [names = '', domains = ''] = line.split(' | ')
    const all = names.trim().split(/ +/)
    return { name: all[0] ?? '', names: all, domains: domains.trim().split(/ +/) }
  })

export const officialDomains: ReadonlySet<string> = new Set(brands.flatMap(({ domains }) => domains))

/** Big sites that are nobody's disguise by themselves: a deep link into one of them is ordinary. */
export const wellKnownDomains: ReadonlySet<string> = new Set(
  `wikipedia.org wikimedia.org wiktionary.org reddit.com stackoverflow.com stackexchange.com superuser.com serverfault.com
nytimes.com bbc.co.uk bbc.com cnn.com theguardian.com washingtonpost.com reuters.com bloomberg.com wsj.com forbes.com
imdb.com quora.com pinterest.com etsy.com craigslist.org yelp.com tripadvisor.com target.com bestbuy.com ikea.com
mozilla.org apache.org debian.org ubuntu.com kernel.org python.org npmjs.com nodejs.org w3.org ietf.org gnu.org archive.org
npr.org nature.com sciencedirect.com springer.com nih.gov cdc.gov nasa.gov whitehouse.gov europa.eu un.org who.int
mit.edu stanford.edu harvard.edu berkeley.edu cornell.edu ox.ac.uk cam.ac.uk oracle.com ibm.com intel.com cisco.com dell.com
hp.com samsung.com sony.com nvidia.com amd.com salesforce.com slack.com zoom.us atlassian.com notion.so figma.com canva.com
vimeo.com twitch.tv soundcloud.com bandcamp.com flickr.com imgur.com deviantart.com goodreads.com medium.com substack.com
nbcnews.com cbsnews.com foxnews.com usatoday.com time.com economist.com ft.com lemonde.fr lefigaro.fr spiegel.de zeit.de
elpais.com corriere.it repubblica.it asahi.com nikkei.com mainichi.jp yomiuri.co.jp naver.com daum.net baidu.com qq.com
taobao.com jd.com weibo.com bilibili.com vk.com yandex.ru mail.ru allegro.pl seznam.cz bol.com zalando.de otto.de
leboncoin.fr olx.com rediff.com flipkart.com timesofindia.com cricbuzz.com espn.com nba.com nfl.com mlb.com fifa.com
weather.com accuweather.com investopedia.com webmd.com mayoclinic.org healthline.com britannica.com khanacademy.org
coursera.org edx.org udemy.com duolingo.com rottentomatoes.com metacritic.com ign.com gamespot.com theverge.com wired.com
arstechnica.com techcrunch.com engadget.com zdnet.com cnet.com howstuffworks.com instructables.com thingiverse.com
digitalocean.com heroku.com python-guide.org readthedocs.org sourceforge.net bitbucket.org docker.com kubernetes.io`.split(
    /\s+/,
  ),
)
