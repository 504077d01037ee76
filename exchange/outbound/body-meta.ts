// What inspectors are told about a body beforehand. All of it is claims of whoever sent it. Must never hold a cookie, a
// credential or a query: a URL goes to findings and feeds.
import type { BodyMeta } from '#core/inspection/verdict.ts'
import { authorityOf, pathOf, type WebRequest } from './web-request.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

export function bodyMeta(
  wanted: WebRequest,
  direction: BodyMeta['direction'],
  method: string,
  headers: Headers,
  wants: BodyMeta['wanted'],
): BodyMeta {
  const text = (name: string): string | null => {
    const value = headers[name]
    return typeof value === 'string' && value !== '' ? value.slice(0, 1000) : null
  }
  const length = Number(text('content-length') ?? Number.NaN)
  const encoding = text('content-encoding')
  const path = pathOf(wanted.target)
  return {
    direction,
    method,
    url: `${wanted.scheme}://${authorityOf(wanted)}${path}`,
    contentType: text('content-type'),
    contentEncoding: encoding === null || encoding.toLowerCase() === 'identity' ? null : encoding,
    contentLength: Number.isSafeInteger(length) ? length : null,
    fileName: fileNameIn(text('content-disposition')) ?? fileNameIn(null, path),
    wanted: wants,
  }
}

function fileNameIn(disposition: string | null, path = ''): string | null {
  const said = /filename\s*=\s*"?([^";]{1,255})/i.exec(disposition ?? '')?.[1]
  if (said !== undefined) return said.trim()
  const last = path.slice(path.lastIndexOf('/') + 1)
  return last === '' ? null : last.slice(0, 255)
}
