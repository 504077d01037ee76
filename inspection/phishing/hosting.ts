// Places where strangers put pages, names or redirections under somebody else's domain. Being there is ordinary and no
// verdict; it only says that the registered domain vouches for nothing. Must never be read as a block list.
const set = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

/** Registrable domains or suffixes under which anyone gets a page in minutes, whether or not the suffix list knows it. */
export const freeHosting = set(`
000webhostapp.com 16mb.com 4everland.app amplifyapp.com appspot.com azurewebsites.net azurestaticapps.net backblazeb2.com
beget.tech bitbucket.io blob.core.windows.net blogspot.com bravesites.com builderallwppro.com bubbleapps.io carrd.co
cfolks.pl cleverapps.io clickfunnels.com cloudaccess.host cloudfront.net cloudwaysapps.com codeanyapp.com codesandbox.io
cprapid.com creatorlink.net deno.dev digitaloceanspaces.com dorik.io dweb.link edgeone.app editmysite.com elementor.cloud
firebaseapp.com fleek.co fly.dev framer.app framer.website freehosting.com ghost.io github.io gitbook.io gitlab.io glitch.me
godaddysites.com googleusercontent.com gotpantheon.com graph.org hostingerapp.com hostingersite.com herokuapp.com hoster-test.ru hubspotpagebuilder.com
icp0.io imcreator.com infinityfreeapp.com ipfs.io jimdo.com jimdofree.com jimdosite.com kinsta.page kissflow.com lovable.app
mobirisesite.com multiscreensite.com my3w.com mybluehost.me myfunnelish.com myportfolio.com myqcloud.com mysite.com myshopify.com mystrikingly.com
netlify.app netlify.com ngrok.io ngrok-free.app notion.site oncloud.run onrender.com oraclecloud.com pages.dev pantheonsite.io
plesk.page r2.dev railway.app render.com replit.app replit.dev repl.co rf.gd run.app s3.amazonaws.com sharepoint.com
site123.me sites.google.com square.site strikingly.com surge.sh swtest.ru tripod.com typedream.app ubpages.com umso.co
vercel.app vercel.dev w3spaces.com web.app webador.com webadorsite.com webcindario.com webflow.io webhostapp.com
weebly.com weeblysite.com wixsite.com wixstudio.com wordpress.com workers.dev wpengine.com wpenginepowered.com yolasite.com
zapier.app zeabur.app zyrosite.com trycloudflare.com translate.goog forms.app jotform.com typeform.com telegra.ph
storage.googleapis.com firebasestorage.googleapis.com aliyuncs.com linodeobjects.com wasabisys.com vultrobjects.com
`)

export const dynamicDns = set(`
duckdns.org no-ip.org no-ip.com no-ip.biz ddns.net hopto.org zapto.org sytes.net servehttp.com serveftp.com myftp.org myftp.biz
dyndns.org dyndns.info dynu.net dynu.com dynv6.net dns-dns.com wikaba.com longmusic.com 4webhelp.ca freeddns.org mywire.org
ddnsfree.com giize.com gleeze.com kozow.com loseyourip.com ooguy.com theworkpc.com casacam.net accesscam.org camdvr.org
webredirect.org blogsyte.com brasilia.me cable-modem.org ciscofreak.com collegefan.org couchpotatofries.org damnserver.com
ddns.me ddns.info ddns.us ddns.mobi dsmtp.com dumb1.com edns.biz esmtp.biz faqserv.com fartit.com freetcp.com ftpserver.biz
gettrials.com got-game.org gr8domain.biz gr8name.biz https443.net https443.org instanthq.com isasecret.com itemdb.com itsaol.com
jetos.com jkub.com jungleheart.com justdied.com lflink.com lflinkup.com lflinkup.net longmusic.com mefound.com moneyhome.biz
mrbasic.com mrbonus.com mrface.com mrslove.com my03.com mydad.info myddns.com mylftv.com mymom.info mynetav.com mynumber.org
mypicture.info mypop3.net mypop3.org mysecondarydns.com myz.info n-e.kr ns01.biz ns01.info ns01.us ns02.biz ns02.info ns02.us
ns1.name ns2.name ns3.name ocry.com onedumb.com onmypc.biz onmypc.info onmypc.net onmypc.org onmypc.us organiccrap.com otzo.com
p-e.kr port25.biz proxydns.com qpoe.com rebatesrule.net sendsmtp.com serveuser.com serveusers.com sexidude.com sixth.biz squirly.info
ssl443.org toh.info toythieves.com trickip.net trickip.org vizvaz.com wha.la wikaba.com www1.biz x24hr.com xxuz.com xxxy.biz
xxxy.info ygto.com youdontcare.com yourtrap.com zyns.com zzux.com 3utilities.com bounceme.net redirectme.net servebeer.com
serveblog.net servecounterstrike.com servegame.com servehalflife.com servepics.com servequake.com mooo.com chickenkiller.com
crabdance.com ignorelist.com jumpingcrab.com strangled.net twilightparadox.com us.to run.place publicvm.com linkpc.net
o-r.kr r-e.kr kro.kr iptime.org synology.me myds.me diskstation.me
`)

export const shorteners = set(`
bit.ly tinyurl.com t.co goo.gl ow.ly is.gd buff.ly rebrand.ly cutt.ly rb.gy shorturl.at t.ly tiny.cc v.gd x.co qr.de qrco.de
s.id bl.ink lnkd.in snip.ly short.gy shrtco.de soo.gd urlz.fr u.to clck.ru vk.cc adf.ly bc.vc linktr.ee tr.ee me2.kr han.gl
2no.co iplogger.org grabify.link t2m.io rebrandly.com tny.im lc.chat wl.co dub.sh dub.co surl.li n9.cl acortar.link l.ead.me
abre.ai encr.pw acesse.one shorter.me hyperurl.co urlzs.com x.gd 00m.in ux.nu bit.do
`)

/** True when `host` or a domain above it is listed. */
export function isUnder(listed: ReadonlySet<string>, host: string): boolean {
  let at = 0
  for (;;) {
    if (listed.has(at === 0 ? host : host.slice(at))) return true
    at = host.indexOf('.', at) + 1
    if (at === 0) return false
  }
}
