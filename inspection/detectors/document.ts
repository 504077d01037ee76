// The page of types, made from the catalogue. `node inspection/detectors/document.ts` prints it; a test compares.
import { catalogue, type DetectorType } from './catalogue.ts'

const titles: Readonly<Record<DetectorType['group'], string>> = {
  payment: 'Payment',
  person: 'National and personal numbers',
  health: 'Health',
  document: 'Documents',
  contact: 'Contact and network',
  organisation: 'Organisations',
  device: 'Devices and vehicles',
  secret: 'Keys, tokens and passwords',
  wallet: 'Cryptocurrency',
}

export function detectorsPage(): string {
  const out = [
    '# Types that are found',
    '',
    `${catalogue.size} built-in types, made from \`inspection/detectors/catalogue.ts\`; a test keeps this page true. *Proof* is what must hold besides the form; *words* means only beside words that name it. How it works: [Stop data leaving](stop-data-leaving.md).`,
    '',
    'Findings of other inspectors: `EICAR`, `DOUBLE_EXTENSION`, `TURNED_NAME`, `DISGUISED_PROGRAM`, `EXECUTABLE_IN_ARCHIVE`, `SCRIPT_IN_ARCHIVE`, `SHORTCUT_FILE`, `DISK_IMAGE`, `HTML_APPLICATION`, `ENCODED_COMMAND`, `HTML_SMUGGLING`, `OFFICE_MACRO`, `PDF_SCRIPT`, `PDF_LAUNCH`, `POLYGLOT` (static), `MALWARE` (clamav), `YARA` (yara), `KNOWN_MALWARE` (feed), `SENSITIVITY_LABEL` (label), `ROW_MATCH` (edm), `DOCUMENT_MATCH_25`, `_70`, `_90` (idm), and the types that you give your own patterns (custom).',
  ]
  for (const [group, title] of Object.entries(titles)) {
    out.push('', `## ${title}`, '', '| type | is | proof |', '| --- | --- | --- |')
    for (const [type, { group: of, about, proof, isSensitive }] of catalogue)
      if (of === group)
        out.push(
          `| \`${type}\` | ${about}${isSensitive ? '' : ' (no reason alone to call a text sensitive)'} | ${proof} |`,
        )
  }
  return `${out.join('\n')}\n`
}

if (import.meta.main) process.stdout.write(detectorsPage())
