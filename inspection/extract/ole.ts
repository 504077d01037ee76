// The older office files (OLE compound documents) and any other binary: runs of readable characters, one byte or two each,
// and the marks of macros and encryption. Not a parser of the format: it cannot be led astray by it.
const MIN_RUN = 5
const MAX_TEXT_BYTES = 32 * 1024 * 1024

export type OleSigns = { readonly hasMacro: boolean; readonly startsByItself: boolean; readonly isEncrypted: boolean }

const wide = (text: string) => Buffer.from(text, 'utf16le')
const macroMarks = [wide('_VBA_PROJECT'), wide('VBA'), wide('Macros')]
const encryptedMarks = [wide('EncryptedPackage'), wide('EncryptionInfo')]

export function signsOfOle(bytes: Buffer): OleSigns {
  return {
    hasMacro:
      macroMarks.slice(0, 1).some((mark) => bytes.includes(mark)) ||
      (bytes.includes(wide('VBA')) && bytes.includes(wide('dir'))),
    startsByItself: /\b(?:Auto_?(?:Open|Exec|Close)|Document_Open|Workbook_Open)\b/i.test(
      bytes.toString('latin1', 0, Math.min(bytes.length, MAX_TEXT_BYTES)),
    ),
    isEncrypted: encryptedMarks.every((mark) => bytes.includes(mark)),
  }
}

/** Readable runs, a line each. */
export function readableText(bytes: Buffer): string {
  const out: string[] = []
  const limit = Math.min(bytes.length, MAX_TEXT_BYTES)
  let start = -1
  for (let at = 0; at <= limit; at++) {
    const byte = at < limit ? (bytes[at] as number) : 0
    const isReadable = (byte >= 0x20 && byte < 0x7f) || byte === 9
    if (isReadable && start < 0) start = at
    else if (!isReadable && start >= 0) {
      if (at - start >= MIN_RUN) out.push(bytes.toString('latin1', start, at))
      start = -1
    }
  }
  for (let at = 0; at + 1 < limit;) {
    let end = at
    while (
      end + 1 < limit &&
      bytes[end + 1] === 0 &&
      (((bytes[end] as number) >= 0x20 && (bytes[end] as number) < 0x7f) || bytes[end] === 9)
    )
      end += 2
    if (end - at >= MIN_RUN * 2) out.push(bytes.toString('utf16le', at, end))
    at = Math.max(end, at + 1)
  }
  return out.join('\n')
}
