// Records of a CSV file (RFC 4180; comma, semicolon or tab by the first line), streaming. Must never hold more than one record.
import { Fault } from '#core/fault.ts'

const MAX_RECORD_CHARACTERS = 1024 * 1024

export async function* readCsv(source: AsyncIterable<Buffer | string>): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder()
  let separator: string | null = null
  let fields: string[] = []
  let field = ''
  let isQuoted = false
  let wasQuote = false
  let size = 0
  const finish = () => {
    const record = [...fields, field]
    fields = []
    field = ''
    size = 0
    return record
  }
  for await (const chunk of source) {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    separator ??=
      [',', ';', '\t'].toSorted(
        (a, b) => (text.split('\n', 1)[0]?.split(b).length ?? 0) - (text.split('\n', 1)[0]?.split(a).length ?? 0),
      )[0] ?? ','
    for (const character of text) {
      if (++size > MAX_RECORD_CHARACTERS)
        throw new Fault('document-invalid', {
          hint: 'A record is longer than a million characters; is a quote missing?',
        })
      if (isQuoted && !wasQuote) {
        if (character === '"') wasQuote = true
        else field += character
        continue
      }
      if (wasQuote) {
        wasQuote = false
        if (character === '"') {
          field += '"'
          continue
        }
        isQuoted = false
      }
      if (character === '"' && field === '') isQuoted = true
      else if (character === separator) {
        fields.push(field)
        field = ''
      } else if (character === '\n') {
        if (fields.length > 0 || field !== '') yield finish()
      } else if (character !== '\r') field += character
    }
  }
  if (fields.length > 0 || field !== '') yield finish()
}
