// Names for drill identities and apps that look like anybody's: whoever watches must not tell a drill by its names.
// Must never give a name that is taken.
import { randomInt } from 'node:crypto'

const given =
  'adele amir anouk bastian beatriz bruno carmen cedric chiara daan dalia dario edith elif emre farah felix fiona gaspard greta hakan hannah hugo ilse imran ines isak jana jelena jonas julie kamil karin kofi lara leif lena lorenzo maja malik marek mila moritz nadia nils noor olga omar oscar paula pavel petra rafael rania rosa ruben salma samir selin sofie stefan tamara teo thea tomas ulla vera viktor wanda yara yusuf zoe'.split(
    ' ',
  )
const family =
  'abel acker almeida anders arslan bakker banik baran becker bergstrom blanc borg brandt bravo brun calder castel celik cerny claes conte costa dahl demir diaz dubois duran ek engel eriksen falk faure ferro fischer fontana frank gallo gerber girard gomes grant gruber haas hahn hansen hecht hoek horvath iqbal ivanov jansen jensen kaya keller kim klein kowal kraus kruger lang laurent lehmann lind lopes lund maes marin martens meyer moreau nagy nielsen novak nyberg olsen ortiz park pereira petit polat popa ramos reiter rossi roux sahin santos sauer schmid serra silva simon skov sorensen stein svensson tan toth varga vidal vogel weber winter wolf yilmaz zeman'.split(
    ' ',
  )
const areas =
  'asset budget campus catering claims contract depot dispatch equipment facility fleet freight grid incident inventory invoice lab leave licence logistics maintenance metering mobility network onboarding parking partner payslip permit plant procurement project quality rebate rental reporting roster safety schedule site survey tariff timesheet training transit travel vendor visitor warranty workshop'.split(
    ' ',
  )
const things =
  'archive board books calendar centre desk docs files hub index ledger manager notes planner portal register reports room tracker vault view wiki'.split(
    ' ',
  )
const places = 'north south east west central harbour river hill park'.split(' ')

const pick = (list: readonly string[]): string => list[randomInt(list.length)] ?? ''

export class OrdinaryNames {
  readonly #taken: Set<string>
  readonly #userForm: (first: string, last: string) => string

  /** `users` are the tenant's: their commonest form is taken up. */
  constructor(users: readonly string[], taken: Iterable<string>) {
    this.#taken = new Set([...users, ...taken])
    this.#userForm = formOf(users)
  }

  user(): { readonly name: string; readonly displayName: string } {
    return this.#fresh(() => {
      const [first, last] = [pick(given), pick(family)]
      return { name: this.#userForm(first, last), displayName: `${capital(first)} ${capital(last)}` }
    })
  }

  app(): { readonly name: string; readonly displayName: string } {
    return this.#fresh(() => {
      const [area, thing] = [pick(areas), pick(things)]
      return { name: `${area}-${thing}`, displayName: `${capital(area)} ${thing}` }
    })
  }

  group(): { readonly name: string } {
    return this.#fresh(() => ({ name: `${pick(areas)}-${pick(places)}` }))
  }

  #fresh<T extends { readonly name: string }>(make: () => T): T {
    for (let tries = 0; tries < 200; tries++) {
      const made = make()
      if (this.#taken.has(made.name)) continue
      this.#taken.add(made.name)
      return made
    }
    const made = make()
    const name = `${made.name}-${randomInt(10_000)}`
    this.#taken.add(name)
    return { ...made, name }
  }
}

function formOf(users: readonly string[]): (first: string, last: string) => string {
  const forms: readonly [RegExp, (first: string, last: string) => string][] = [
    [/^[a-z]{2,}\.[a-z]{2,}$/, (first, last) => `${first}.${last}`],
    [/^[a-z]{2,}_[a-z]{2,}$/, (first, last) => `${first}_${last}`],
    [/^[a-z]\.[a-z]{2,}$/, (first, last) => `${first.charAt(0)}.${last}`],
    [/^[a-z]{3,}$/, (first) => first],
  ]
  const counted = forms.map(([form, make]) => ({ make, count: users.filter((name) => form.test(name)).length }))
  const best = counted.toSorted((left, right) => right.count - left.count)[0]
  return best && best.count > 0 ? best.make : (first, last) => `${first}.${last}`
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
