// What a file is, by its content alone: never by its name or by what a header claims. The table is ours; each row is a name,
// a kind, and bytes at a place. Must never read outside the bytes it is given.
export type FileKind =
  | 'archive'
  | 'disk'
  | 'executable'
  | 'script'
  | 'document'
  | 'text'
  | 'image'
  | 'media'
  | 'font'
  | 'data'
  | 'unknown'
export type FileType = { readonly name: string; readonly kind: FileKind }

type Signature = FileType & { readonly parts: readonly (readonly [at: number, bytes: Buffer])[] }

// name|kind|place:hex[,place:hex]; text in quotes.
const table = `
zip|archive|0:504b0304
zip|archive|0:504b0506
zip|archive|0:504b0708
gzip|archive|0:1f8b08
bzip2|archive|0:"BZh",4:314159265359
xz|archive|0:fd377a585a00
zstd|archive|0:28b52ffd
lz4|archive|0:04224d18
lzip|archive|0:"LZIP"
compress|archive|0:1f9d
7z|archive|0:377abcaf271c
rar|archive|0:526172211a07
cab|archive|0:"MSCF",4:00000000
ar|archive|0:"!<arch>"
cpio|archive|0:"070701"
cpio|archive|0:"070702"
cpio|archive|0:c771
ace|archive|7:"**ACE**"
arj|archive|0:60ea
lzh|archive|2:"-lh",6:"-"
xar|archive|0:"xar!"
tar|archive|257:"ustar"
rpm|archive|0:edabeedb
squashfs|disk|0:"hsqs"
iso|disk|32769:"CD001"
vhd|disk|0:"conectix"
vhdx|disk|0:"vhdxfile"
vmdk|disk|0:"KDMV"
qcow2|disk|0:514649fb
udf|disk|32769:"BEA01"
pe|executable|0:"MZ"
elf|executable|0:7f454c46
macho|executable|0:feedface
macho|executable|0:feedfacf
macho|executable|0:cefaedfe
macho|executable|0:cffaedfe
java-class|executable|0:cafebabe0000003
macho-universal|executable|0:cafebabe
wasm|executable|0:0061736d
dex|executable|0:"dex\\n"
lua-bytecode|executable|0:1b4c7561
python-bytecode|executable|0:a70d0d0a
lnk|executable|0:4c0000000114020000000000c000000000000046
script|script|0:"#!"
pdf|document|0:"%PDF-"
postscript|document|0:"%!PS"
rtf|document|0:"{\\\\rtf"
ole|document|0:d0cf11e0a1b11ae1
chm|document|0:"ITSF"
djvu|document|0:"AT&TFORM"
onenote|document|0:e4525c7b8cd8a74daeb15378d02996d3
pst|data|0:"!BDN"
mdb|data|4:"Standard Jet DB"
accdb|data|4:"Standard ACE DB"
png|image|0:89504e470d0a1a0a
jpeg|image|0:ffd8ff
gif|image|0:"GIF87a"
gif|image|0:"GIF89a"
webp|image|0:"RIFF",8:"WEBP"
bmp|image|0:"BM",6:00000000
tiff|image|0:49492a00
tiff|image|0:4d4d002a
ico|image|0:00000100
psd|image|0:"8BPS"
heif|image|4:"ftypheic"
heif|image|4:"ftypmif1"
avif|image|4:"ftypavif"
jpeg-xl|image|0:0000000c4a584c200d0a870a
jpeg2000|image|0:0000000c6a5020200d0a870a
mp4|media|4:"ftyp"
matroska|media|0:1a45dfa3
avi|media|0:"RIFF",8:"AVI "
wav|media|0:"RIFF",8:"WAVE"
flac|media|0:"fLaC"
ogg|media|0:"OggS"
mp3|media|0:"ID3"
mp3|media|0:fffb
aac|media|0:fff1
midi|media|0:"MThd"
flv|media|0:"FLV"
swf|media|0:"CWS"
swf|media|0:"FWS"
asf|media|0:3026b2758e66cf11
woff|font|0:"wOFF"
woff2|font|0:"wOF2"
opentype|font|0:"OTTO"
truetype|font|0:0001000000
sqlite|data|0:"SQLite format 3"
parquet|data|0:"PAR1"
arrow|data|0:"ARROW1"
avro|data|0:"Obj",3:01
hdf5|data|0:89484446
pcap|data|0:d4c3b2a1
pcap|data|0:0a0d0d0a
git-pack|data|0:"PACK"
luks|data|0:"LUKS",4:babe
pgp-message|data|0:"-----BEGIN PGP MESSAGE"
age-encrypted|data|0:"age-encryption.org/"
keepass|data|0:03d9a29a
der|data|0:3082`

function bytesOf(text: string): Buffer {
  if (text.startsWith('"')) return Buffer.from(JSON.parse(text) as string, 'latin1')
  return Buffer.from(text.length % 2 ? text.slice(0, -1) : text, 'hex')
}

const signatures: readonly Signature[] = table
  .trim()
  .split('\n')
  .map((line) => {
    const [name = '', kind = '', places = ''] = line.split('|')
    const parts = places.split(/,(?=\d+:)/).map((place) => {
      const split = place.indexOf(':')
      return [Number(place.slice(0, split)), bytesOf(place.slice(split + 1))] as const
    })
    return { name, kind: kind as FileKind, parts }
  })

export const fileTypeNames: readonly string[] = [
  ...new Set(signatures.map(({ name }) => name)),
  'html',
  'xml',
  'json',
  'mime',
  'text',
  'unknown',
]

const has = (bytes: Buffer, at: number, wanted: Buffer) =>
  at + wanted.length <= bytes.length && bytes.compare(wanted, 0, wanted.length, at, at + wanted.length) === 0

export function fileTypeOf(bytes: Buffer): FileType {
  const found = signatures.find(({ parts }) => parts.every(([at, wanted]) => has(bytes, at, wanted)))
  if (found !== undefined && isPlausible(found.name, bytes)) return { name: found.name, kind: found.kind }
  // Readers of PDF look for the mark within the first kilobyte.
  const early = bytes.subarray(0, 1024).indexOf('%PDF-')
  if (early > 0) return { name: 'pdf', kind: 'document' }
  return textTypeOf(bytes)
}

/** Two bytes are a weak sign: what follows must fit. */
function isPlausible(name: string, bytes: Buffer): boolean {
  if (name === 'pe') {
    if (bytes.length < 64) return false
    const at = bytes.readUInt32LE(60)
    return (
      at + 2 > bytes.length ||
      has(bytes, at, Buffer.from('PE')) ||
      has(bytes, at, Buffer.from('NE')) ||
      at === 0 ||
      !looksLikeText(bytes)
    )
  }
  if (name === 'bmp' || name === 'arj' || name === 'compress' || name === 'mp3' || name === 'aac' || name === 'ico')
    return !looksLikeText(bytes)
  return true
}

/** No control characters that text does not have, in the first kilobytes; text in UTF-16 counts. */
export function looksLikeText(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, 4096)
  if (length === 0) return false
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) return true
  let odd = 0
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] as number
    if (byte === 0) odd += 1
    else if (byte < 9 || (byte > 13 && byte < 32 && byte !== 0x1b)) return false
  }
  // UTF-16 without a mark has a zero in every other place.
  return odd === 0 || (odd > length * 0.35 && odd <= length * 0.55)
}

function textTypeOf(bytes: Buffer): FileType {
  if (!looksLikeText(bytes)) return { name: 'unknown', kind: 'unknown' }
  const head = bytes
    .toString('latin1', 0, Math.min(bytes.length, 2048))
    .replace(/^(?:\u00ef\u00bb\u00bf)?\s+/, '')
    .replace(/^\u00ef\u00bb\u00bf/, '')
  if (
    /^(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|body|script|hta:application|title|table|div|iframe|meta)\b/i.test(
      head,
    )
  )
    return { name: 'html', kind: 'text' }
  if (head.startsWith('<?xml') || /^<[A-Za-z_][\w:.-]*[\s>/]/.test(head)) return { name: 'xml', kind: 'text' }
  if (/^[{[]\s*(?:["{[\]}\d-]|true|false|null)/.test(head)) return { name: 'json', kind: 'text' }
  if (
    /^(?:[A-Za-z-]{2,40}: [^\n]{0,998}\r?\n(?:[ \t][^\n]{0,998}\r?\n)*){1,60}/.test(head) &&
    /^(?:mime-version|content-type|received|return-path|message-id|delivered-to): /im.test(head)
  )
    return { name: 'mime', kind: 'text' }
  return { name: 'text', kind: 'text' }
}

/** What else these bytes could be opened as: a second format at another place. */
export function secondTypeOf(bytes: Buffer, first: FileType): FileType | null {
  const tail = Math.max(0, bytes.length - 65_557)
  if (first.name !== 'zip') {
    const end = bytes.indexOf('PK\u0005\u0006', tail, 'latin1')
    if (
      end >= 0 &&
      end + 22 <= bytes.length &&
      bytes.readUInt16LE(end + 8) > 0 &&
      end + 22 + bytes.readUInt16LE(end + 20) >= bytes.length - 1
    )
      return { name: 'zip', kind: 'archive' }
  }
  if (first.name !== 'pdf') {
    const at = bytes.subarray(0, 1024).indexOf('%PDF-')
    if (at > 0) return { name: 'pdf', kind: 'document' }
  }
  if (first.kind === 'image') {
    const script = /<script[\s>]|<html[\s>]|<\?php/i.exec(bytes.toString('latin1', 0, Math.min(bytes.length, 4096)))
    if (script) return { name: 'html', kind: 'text' }
  }
  return null
}
