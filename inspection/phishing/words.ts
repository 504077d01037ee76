// Words that lure: what a page that wants a password, a card or a payment calls itself, in the languages seen most.
// A word is weak evidence alone; the model weighs it by where it stands. Must never decide by itself.
const list = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Asks for who you are. */
export const signInWords = list(`
login logon signin sign-in log-in singin verify verif verification verifier verificar verifica verifizieren authenticate auth
authentication account accounts acount acct konto cuenta conta compte password passwort passcode credential identity ident
identification identificacion webscr sso session recover recovery unlock confirm confirmation confirmar bestatigen
connexion connect conect anmelden anmeldung ingresar acceso accedi acesso entrar mypage member memberlogin userlogin
update updates updating aktualisieren actualizar atualizar renew reactivate activate validation validate security secure
secur securite sicherheit seguridad seguranca sicurezza protect safety alert warning suspended suspend limited locked
restore resolution resolve helpdesk support supporto service services kundenservice customer client cliente kunden
ninsho touroku kakunin koushin hoken anzen
`)

/** Money, parcels, prizes, wallets. */
export const lureWords = list(`
bank banking ebank netbank onlinebank card cards billing bill invoice pay payment payments pago paiement zahlung rechnung
refund rebate tax taxes impot steuer wallet airdrop claim crypto token mint swap staking defi bonus reward rewards gift prize
free winner promo offer coupon voucher delivery tracking track parcel package packet shipment colis paket paquete pacchetto
redelivery customs toll fine unpaid overdue ticket order purchase point points mail webmail email mailbox inbox quota
document shared file docs voicemail fax giftcard jackpot casino bet vip trade exchange invest profit loan credit
`)

/** Ordinary words of ordinary sites. */
export const plainWords = list(`
blog news article articles wiki forum forums thread threads topic category tag tags archive archives about contact products product
review reviews recipe recipes story stories photo photos gallery music video videos book books author library
school university college church club sport sports football hockey game games travel hotel hotels restaurant museum
history science research docs documentation download press magazine journal times daily gazette herald post tribune
city county town village association society foundation institute center centre community events
design studio photography garden farm dog cat kids family wedding fitness yoga art arts craft crafts furniture
`)

/** Finds which of many words occur in a text, behind a bitmap of their first three letters: under a microsecond a host. */
export function wordFinder(words: readonly string[], least: number): (text: string) => readonly string[] {
  const byHead = new Map<string, string[]>()
  const heads = new Uint8Array(1 << 15)
  for (const word of words) {
    if (word.length < least) continue
    heads[headOf(word, 0)] = 1
    const head = word.slice(0, 3)
    const bucket = byHead.get(head)
    if (bucket) bucket.push(word)
    else byHead.set(head, [word])
  }
  return (text) => {
    let found: string[] | undefined
    for (let at = 0; at + least <= text.length; at++) {
      if (heads[headOf(text, at)] === 0) continue
      for (const word of byHead.get(text.slice(at, at + 3)) ?? none) {
        if (text.startsWith(word, at)) {
          found ??= []
          if (!found.includes(word)) found.push(word)
        }
      }
    }
    return found ?? none
  }
}
const none: readonly string[] = []
const headOf = (text: string, at: number) =>
  ((text.charCodeAt(at) & 31) << 10) | ((text.charCodeAt(at + 1) & 31) << 5) | (text.charCodeAt(at + 2) & 31)
