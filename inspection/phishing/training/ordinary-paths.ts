// Made-up paths of the kinds that ordinary sites have: sign-in pages, shops, documents, code, forums, links with campaign
// fields. They teach that a word such as `login` in a path says little where the host is ordinary. Our own grammar; must
// never be made from a test set.
import type { Random } from './random.ts'

const words =
  `about account administration album analysis annual api archive art article assets author background bar basic beginners best
big bike bird blue board book build business camera car card case category chapter city class clean code coffee collection color community
company contact control course cover culture data day design detail development digital dinner documentation download drive early
easy edition education email energy engine english europe event example family fashion feature field file film final finance
fish flight food football form forum free french future gallery garden general german getting-started glass global gold green group guide hair
hand health help history holiday home hotel house how-to idea image industry information install interview introduction iphone island issue
italian item japan job journal kids kitchen language large law lesson letter library life light link list local london machine
magazine mail main manual map market master media meeting member menu message mobile model modern money month mountain movie
music nature network new news night note office old online open order original overview page paper park part party people phone photo
picture plan plant policy portal power press price private product profile program project public question quick radio random
reading recipe record red reference release report research resource result review road room sale school science search season
series service setting shop short show simple site small social software song space special sport spring staff standard start state
station store story street student studio style summer support system table team technology test text theory time tool topic
tour town trade training travel tree tutorial update user video view village visit voice walk wall watch water weather web
week white wild wine winter women wood word work workshop world writing year young`.split(/\s+/)

const letters = Array.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')

export function ordinaryPath(random: Random): { readonly path: string; readonly query: string } {
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const word = () => pick(words) ?? 'page'
  const slug = (count: number) =>
    Array.from({ length: 1 + Math.floor(random() * count) }, word).join(random() < 0.85 ? '-' : '_')
  const digits = (count: number) => String(Math.floor(random() * 10 ** (1 + Math.floor(random() * count))))
  const locale = () =>
    random() < 0.2
      ? `${pick(['en', 'de', 'fr', 'es', 'it', 'ja', 'en-us', 'pt-br', 'jp', 'us', 'zh-cn']) ?? 'en'}/`
      : ''
  const extension = () => pick(['', '', '', '.html', '.htm', '.php', '.aspx', '.jsp']) ?? ''
  const code = (size: number) => Array.from({ length: size }, () => pick(letters) ?? 'a').join('')
  const year = () => String(1998 + Math.floor(random() * 28))
  const two = (most: number) => String(1 + Math.floor(random() * most)).padStart(2, '0')
  const bare = (path: string) => ({ path, query: '' })
  const forms: readonly (() => { readonly path: string; readonly query: string })[] = [
    () =>
      bare(
        `${locale()}${pick(['login', 'signin', 'sign-in', 'log-in', 'account/login', 'users/sign_in', 'user/login', 'accounts/login', 'auth/login', 'member/login', 'customer/account/login', 'my-account', 'myaccount', 'wp-login', 'session/new', 'register', 'signup', 'account', 'oauth/authorize', 'password/reset', 'account/security', 'verify-email', 'mypage', 'cart', 'checkout', 'billing', 'settings/profile', 'dashboard', 'app', 'portal', 'support/contact', 'help/update-payment', 'security', 'secure', 'client', 'admin', 'webmail', 'home']) ?? 'login'}${extension()}`,
      ),
    () => bare(`${locale()}${slug(2)}/${slug(6)}${extension()}`),
    () => bare(`${locale()}${slug(1)}/${slug(1)}/${slug(5)}`),
    () => bare(`${locale()}${slug(1)}`),
    () => bare(`${year()}/${two(12)}/${random() < 0.5 ? `${two(28)}/` : ''}${slug(7)}${extension()}`),
    () =>
      bare(
        `${pick(['product', 'products', 'item', 'p', 'dp', 'shop', 'catalog', 'goods']) ?? 'p'}/${random() < 0.5 ? digits(8) : slug(5)}`,
      ),
    () => bare(`${slug(1)}/${digits(6)}/${slug(5)}`),
    () => bare(`index${extension() || '.php'}`),
    () => ({
      path: `index.php`,
      query: `${pick(['id', 'page', 'p', 'option', 'title', 'cat', 'topic']) ?? 'id'}=${random() < 0.5 ? digits(6) : word()}`,
    }),
    () => ({ path: `${slug(1)}${extension()}`, query: `id=${digits(7)}&${word()}=${word()}` }),
    () => ({
      path: `${slug(1)}/${slug(4)}`,
      query: `utm_source=${word()}&utm_medium=${pick(['email', 'social', 'cpc']) ?? 'email'}&utm_campaign=${slug(3)}`,
    }),
    () => bare(`wiki/${word()}_${word()}`),
    () =>
      bare(
        `${word()}/${word()}/${pick(['issues', 'pull', 'blob/main', 'wiki', 'tree/master', 'commit', 'releases']) ?? 'issues'}/${digits(5)}`,
      ),
    () =>
      bare(
        `${pick(['files', 'uploads', 'wp-content/uploads', 'sites/default/files', 'pdf', 'docs', 'media', 'images', 'assets']) ?? 'files'}/${year()}/${slug(4)}.${pick(['pdf', 'jpg', 'png', 'doc', 'pptx', 'xls', 'zip']) ?? 'pdf'}`,
      ),
    () => bare(`~${word()}/${slug(3)}${extension()}`),
    () => ({
      path: pick(['watch', 'view', 'v', 'search', 'results']) ?? 'watch',
      query: `${pick(['v', 'q', 'id', 'list']) ?? 'q'}=${random() < 0.5 ? code(11) : `${word()}+${word()}`}`,
    }),
    () =>
      bare(
        `${pick(['s', 'p', 'r', 'd', 'i', 'u', 'd/e', 'file/d', 'status', 'comments', 't']) ?? 's'}/${code(6 + Math.floor(random() * 8))}`,
      ),
    () =>
      bare(
        `${pick(['forum', 'forums', 'community', 'thread', 'threads', 't', 'topic', 'discussion', 'questions']) ?? 'forum'}/${digits(6)}/${slug(7)}`,
      ),
    () =>
      bare(
        `${pick(['user', 'users', 'profile', 'u', 'author', 'people', '@']) ?? 'u'}/${word()}${random() < 0.5 ? digits(3) : ''}`,
      ),
    () =>
      bare(
        `${pick(['docs', 'documentation', 'reference', 'manual', 'guide', 'api', 'help', 'kb']) ?? 'docs'}/${slug(1)}/${slug(3)}${extension()}`,
      ),
    () => bare(`${slug(5)}-${digits(8)}${extension()}`),
    () => bare(digits(9)),
  ]
  return (pick(forms) ?? (() => bare('')))()
}
