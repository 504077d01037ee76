// Flags about the lake that `start` and `control` share.
import type { Input } from './command.ts'
import type { LakeSettings } from './lake.ts'

export const lakeOptions = {
  'lake-copy': {
    type: 'string',
    help: 'copy the lake to an S3 store: https://HOST/BUCKET[/PREFIX]?region=NAME; credentials in SALLYPORT_LAKE_KEY_ID and _SECRET',
  },
  'lake-copy-ca': { type: 'string', help: "PEM file of the authority of that store's certificate" },
  'insecure-lake-copy-http': { type: 'boolean', help: 'take http: there too; everything can be read on the way' },
} as const

export async function lakeSettings(input: Input): Promise<LakeSettings> {
  const { usualLake } = await import('./lake.ts')
  const { openLakeCopy } = await import('./lake-copy.ts')
  const [url, caFile] = [input.text('lake-copy'), input.text('lake-copy-ca')]
  if (url === undefined) return usualLake
  const insecureHttp = input.flag('insecure-lake-copy-http')
  const copy = { url, insecureHttp, ...(caFile !== undefined && { caFile }) }
  // What is wrong with it is said before anything starts.
  openLakeCopy(copy).close()
  return { ...usualLake, copy }
}
