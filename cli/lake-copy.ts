// Where the lake's files are copied to: an S3 store, named by an address, with its credentials from the environment. Must
// never take a secret from the command line, where other people of the machine can read it.
import { readFileSync } from 'node:fs'
import { Fault } from '#core/fault.ts'
import type { ObjectStore } from '#lake/object-store.ts'
import { openS3Store } from '#lake/s3-store.ts'

export type LakeCopy = {
  /** `https://s3.example.org/BUCKET[/prefix]?region=eu-1[&style=virtual-host]` */
  readonly url: string
  /** PEM file of the authority of the store's certificate, when it is none of the well-known ones. */
  readonly caFile?: string
  /** Takes `http:`: everything can be read and changed on the way. */
  readonly insecureHttp: boolean
}

const KEY_ID = 'SALLYPORT_LAKE_KEY_ID'
const SECRET = 'SALLYPORT_LAKE_SECRET'
const SESSION_TOKEN = 'SALLYPORT_LAKE_SESSION_TOKEN'

/** Throws `configuration-invalid`. */
export function openLakeCopy(
  { url, caFile, insecureHttp }: LakeCopy,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ObjectStore & { readonly close: () => void } {
  const wrong = (hint: string): Fault => new Fault('configuration-invalid', { hint })
  if (!URL.canParse(url)) throw wrong('--lake-copy is no address.')
  const { origin, pathname, searchParams, username, password, hash } = new URL(url)
  if (username !== '' || password !== '')
    throw wrong(`Credentials come from ${KEY_ID} and ${SECRET}, not from the address.`)
  const [bucket = '', ...below] = pathname.slice(1).split('/')
  const { region, style = 'path', ...others } = Object.fromEntries(searchParams)
  if (region === undefined) throw wrong('--lake-copy needs a region: …?region=eu-1')
  if (style !== 'path' && style !== 'virtual-host') throw wrong('style is path or virtual-host.')
  if (Object.keys(others).length > 0 || hash !== '')
    throw wrong(`--lake-copy knows region and style, not ${Object.keys(others).join(', ')}.`)
  const [accessKeyId, secretAccessKey] = [environment[KEY_ID], environment[SECRET]]
  if (!accessKeyId || !secretAccessKey)
    throw wrong(`The variables ${KEY_ID} and ${SECRET} are needed with --lake-copy.`)
  const sessionToken = environment[SESSION_TOKEN]
  const prefix = below
    .filter((part) => part !== '')
    .map((part) => `${part}/`)
    .join('')
  const config = { endpoint: origin, region, bucket, style, prefix } as const
  return openS3Store(
    {
      ...config,
      ...(caFile !== undefined && { caPem: readFileSync(caFile, 'utf8') }),
      ...(insecureHttp && { insecureHttp: true as const }),
    },
    {
      credentials: () =>
        Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }),
    },
  )
}
