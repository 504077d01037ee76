import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { inspectString } from '#inspection/text/inspect-text.ts'
import { numberRules } from '#inspection/text/number-chain.ts'
import { codeRules } from '#inspection/text/scan.ts'
import { catalogue } from './catalogue.ts'
import { detectorsPage } from './document.ts'
import { ibanForms } from './iban-registry.ts'
import { secretRules } from './secrets.ts'

const typesIn = (text: string) => inspectString(text).findings.map(({ type }) => type)

// Type, a text with a value published as an example by its issuer or worked out by hand, and the value changed so that it is none.
const cases: readonly (readonly [string, string, string])[] = [
  ['CREDIT_CARD', 'card 4111 1111 1111 1111', 'card 4111 1111 1111 1112'],
  ['CREDIT_CARD', 'amex 3782-822463-10005', 'amex 3782-822463-10006'],
  ['CREDIT_CARD', 'paid with 5555555555554444', 'paid with 5555555555554445'],
  ['CREDIT_CARD', 'diners card 30569309025904', 'diners card 30569309025905'],
  ['CREDIT_CARD', 'card number 6011-1111-1111-1117', 'card number 1011-1111-1111-1112'],
  ['IBAN_CODE', 'DE89 3704 0044 0532 0130 00', 'DE89 3704 0044 0532 0130 01'],
  ['IBAN_CODE', 'pay to FR1420041010050500013M02606', 'pay to FR1420041010050500013M02607'],
  ['SWIFT_CODE', 'BIC: DEUTDEFF500', 'BIC: DEUTXXFF500'],
  ['US_ROUTING_NUMBER', 'ABA routing 021000021', 'ABA routing 021000022'],
  ['US_SSN', 'SSN 123-45-6789', 'SSN 666-45-6789'],
  ['US_SSN', 'my social is 219 09 9990', 'my social is 219 00 9990'],
  ['US_ITIN', 'ITIN 912-70-1234', 'ITIN 912-69-1234'],
  ['CA_SIN', 'SIN 046 454 286', 'SIN 046 454 287'],
  ['BR_CPF', 'CPF 529.982.247-25', 'CPF 529.982.247-26'],
  ['BR_CNPJ', '11.222.333/0001-81', '11.222.333/0001-82'],
  ['AR_CUIL', 'CUIL 20-12345678-6', 'CUIL 20-12345678-7'],
  ['CL_RUT', 'RUT 12.345.678-5', 'RUT 12.345.678-6'],
  ['UK_NINO', 'NI number AB 12 34 56 C', 'NI number BG 12 34 56 C'],
  ['UK_NHS_NUMBER', 'NHS 943 476 5919', 'NHS 943 476 5918'],
  ['DE_STEUER_ID', 'Steuer-ID 86095742719', 'Steuer-ID 86095742718'],
  ['FR_NIR', 'NIR 2 55 08 14 168 025 38', 'NIR 2 55 08 14 168 025 39'],
  ['ES_DNI', 'DNI 12345678Z', 'DNI 12345678A'],
  ['ES_NIE', 'NIE X1234567L', 'NIE X1234567M'],
  ['IT_CODICE_FISCALE', 'RSSMRA85T10A562S', 'RSSMRA85T10A562T'],
  ['PT_NIF', 'NIF 123456789', 'contribuinte 123456788'],
  ['NL_BSN', 'BSN 111222333', 'BSN 111222334'],
  ['BE_RIJKSREGISTER', '85.07.30-033.28', '85.07.30-033.29'],
  ['PL_PESEL', 'PESEL 44051401359', 'PESEL 44051401358'],
  ['CZ_SK_RODNE_CISLO', '736028/5163', '736028/5164'],
  ['SE_PERSONNUMMER', 'personnummer 811228-9874', 'personnummer 811228-9875'],
  ['FI_HETU', '131052-308T', '131052-308U'],
  ['CH_AHV', '756.9217.0769.85', '756.9217.0769.86'],
  ['AT_SVNR', 'SVNR 1237 010180', 'SVNR 1238 010180'],
  ['IE_PPS', 'PPS 1234567TW', 'PPS 1234567AW'],
  ['DK_CPR', 'CPR 070761-4285', 'CPR 320761-4285'],
  ['HR_OIB', 'OIB 69435151530', 'OIB 69435151531'],
  ['IN_AADHAAR', 'Aadhaar 2341 2341 2346', 'Aadhaar 2341 2341 2347'],
  ['IN_PAN', 'PAN ABCPE1234F', 'PAN ABCXE1234F'],
  ['CN_RESIDENT_ID', '11010519491231002X', '11010519491231003X'],
  ['SG_NRIC', 'S1234567D', 'S1234567E'],
  ['TW_ID', '身分證 A123456789', '身分證 A123456788'],
  ['HK_ID', 'HKID A123456(3)', 'HKID A123456(4)'],
  ['JP_MY_NUMBER', 'マイナンバー 123456789018', 'マイナンバー 123456789019'],
  ['TR_KIMLIK', 'TC kimlik 10000000146', 'TC kimlik 10000000147'],
  ['ZA_ID', 'RSA ID 8001015009087', 'RSA ID 8001015009088'],
  ['TH_ID', '1-1014-00000-01-4', '1-1014-00000-01-5'],
  ['AU_TFN', 'TFN 123 456 782', 'TFN 123 456 783'],
  ['AU_MEDICARE', 'Medicare 2123 45670 1', 'Medicare 2123 45671 1'],
  ['AU_ABN', 'ABN 51 824 753 556', 'ABN 51 824 753 557'],
  ['US_NPI', 'NPI 1234567893', 'NPI 1234567894'],
  ['US_DEA', 'DEA AB1234563', 'DEA AB1234564'],
  ['US_MBI', 'Medicare MBI 1EG4-TE5-MK73', 'Medicare MBI 1EG4-TE5-MK7S'],
  ['VIN', 'VIN 1M8GDM9AXKP042788', 'VIN 1M8GDM9A1KP042788'],
  ['IMEI', 'IMEI 490154203237518', 'IMEI 490154203237519'],
  ['EMAIL_ADDRESS', 'write to jane.doe+x@mail.example.co.uk.', 'write to jane.doe@localhost'],
  ['IP_ADDRESS', 'from 203.0.113.77 port 22', 'from 203.0.113.777 port 22'],
  ['IP_ADDRESS', 'server 2001:db8:85a3::8a2e:370:7334', 'server 2001:db8:85a3::8a2e::7334'],
  ['MAC_ADDRESS', 'hwaddr 00:1B:44:11:3A:B7', 'hwaddr 00:1B:44:11:3A:G7'],
  ['PHONE_NUMBER', 'call +44 20 7946 0958', 'sum of +44 20 and 7'],
  ['DATE_OF_BIRTH', 'born 31 December 1980', 'meeting 31 December 1980'],
  ['US_DRIVER_LICENSE', 'driver license D1234567', 'part D1234567'],
  [
    'PASSPORT',
    'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10',
    'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C46UTO7408122F1204159ZE184226B<<<<<10',
  ],
  ['BITCOIN_ADDRESS', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa', '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb'],
  ['BITCOIN_ADDRESS', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5'],
  ['ETHEREUM_ADDRESS', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed', '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD'],
  ['PASSWORD', 'password = "Tr0ub4dor&3"', 'password = "<your password>"'],
  ['URL_PASSWORD', 'postgres://app:h7Gk2pQz@db.example.com/x', 'postgres://app:${PASSWORD}@db.example.com/x'],
]

for (const [type, positive, negative] of cases)
  test(`${type}: finds "${positive.slice(0, 30)}", not its near miss`, () => {
    assert.ok(typesIn(positive).includes(type), `${positive}: ${typesIn(positive)}`)
    assert.ok(!typesIn(negative).includes(type), `${negative}: ${typesIn(negative)}`)
  })

/** Bodies by a cryptographic source, not by the pattern that will look for them. */
const letters = (count: number, alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789') =>
  Array.from(randomBytes(count), (byte) => alphabet.charAt(byte % alphabet.length)).join('')
const hex = (count: number) => randomBytes(count).toString('hex').slice(0, count)
const upper = (count: number) => letters(count, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')

const secrets: readonly (readonly [string, () => string])[] = [
  ['AWS_ACCESS_KEY', () => `AKIA${upper(16)}`],
  ['GOOGLE_API_KEY', () => `AIza${letters(35)}`],
  ['GITHUB_TOKEN', () => `ghp_${letters(36)}`],
  ['GITHUB_TOKEN', () => `github_pat_${letters(22)}_${letters(59)}`],
  ['GITLAB_TOKEN', () => `glpat-${letters(20)}`],
  ['SLACK_TOKEN', () => `xoxb-${'123456789012'}-${'987654321098'}-${letters(24)}`],
  ['STRIPE_KEY', () => `sk_live_${letters(24)}`],
  ['TWILIO_KEY', () => `SK${hex(32)}`],
  ['SENDGRID_KEY', () => `SG.${letters(22)}.${letters(43)}`],
  ['NPM_TOKEN', () => `npm_${letters(36)}`],
  ['PYPI_TOKEN', () => `pypi-AgEIcHlwaS5vcmc${letters(60)}`],
  ['OPENAI_KEY', () => `sk-proj-${letters(60)}`],
  ['ANTHROPIC_KEY', () => `sk-ant-api03-${letters(93)}AA`],
  ['HUGGINGFACE_TOKEN', () => `hf_${letters(34)}`],
  ['DIGITALOCEAN_TOKEN', () => `dop_v1_${hex(64)}`],
  ['SHOPIFY_TOKEN', () => `shpat_${hex(32)}`],
  ['VAULT_TOKEN', () => `hvs.${letters(90)}`],
  ['DOCKER_TOKEN', () => `dckr_pat_${letters(27)}`],
  ['TELEGRAM_TOKEN', () => `110201543:AAH${letters(32)}`],
]

test('finds keys and tokens of services, and not what only begins like one', () => {
  for (const [type, make] of secrets) {
    const value = make()
    assert.ok(typesIn(`config: ${value} # deploy`).includes(type), `${type} ${value}`)
    const miss = value.slice(0, 18)
    assert.ok(!typesIn(`config: ${miss} # deploy`).includes(type), `${type} near miss ${miss}`)
    const flat = value.slice(0, 8) + 'x'.repeat(value.length - 8)
    assert.ok(!typesIn(`config: ${flat}`).includes(type), `${type} placeholder`)
  }
})

test('finds private keys, and neither public keys nor the words alone', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  assert.deepEqual(typesIn(`key:\n${privateKey}`), ['PRIVATE_KEY'])
  assert.deepEqual(typesIn(JSON.stringify({ private_key: privateKey })), ['PRIVATE_KEY'])
  assert.deepEqual(typesIn(publicKey), [])
  assert.deepEqual(typesIn('write -----BEGIN PRIVATE KEY----- first'), [])
})

test('finds IBANs of every country of the registry, and none with a wrong check', () => {
  for (const [country, { length, structure }] of ibanForms) {
    const body = Array.from(structure.matchAll(/([nac])(\d+)/g), ([, kind, count]) =>
      letters(
        Number(count),
        kind === 'n' ? '0123456789' : kind === 'a' ? 'ABCDEFGHJKLMNPQRSTUVWXYZ' : 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789',
      ),
    ).join('')
    const digits = Array.from(`${body}${country}00`, (c) => (/\d/.test(c) ? c : `${c.charCodeAt(0) - 55}`)).join('')
    const check = 98n - (BigInt(digits) % 97n)
    const iban = `${country}${`${check}`.padStart(2, '0')}${body}`
    assert.equal(iban.length, length)
    const spaced = iban.replaceAll(/(.{4})(?=.)/g, '$1 ')
    assert.ok(typesIn(`Account ${iban}.`).includes('IBAN_CODE'), iban)
    assert.ok(typesIn(`Account ${spaced}.`).includes('IBAN_CODE'), spaced)
    const wrong = `${country}${`${(check % 96n) + 2n === check ? check - 1n : (check % 96n) + 2n}`.padStart(2, '0')}${body}`
    assert.ok(!typesIn(`Account ${wrong}.`).includes('IBAN_CODE'), wrong)
  }
})

test('finds no token in base64 bodies', () => {
  let found = 0
  for (let each = 0; each < 40; each++) {
    const seed = createHash('sha512').update(`${each}`).digest()
    const body = Buffer.concat(
      Array.from({ length: 400 }, (_, at) => createHash('sha512').update(seed).update(`${at}`).digest()),
    ).toString('base64')
    found += typesIn(body.replaceAll(/.{76}/g, '$&\r\n')).filter((type) => !['DOMAIN_NAME'].includes(type)).length
    // A prefix in the middle of a body is still the middle of a body.
    found += typesIn(`${body.slice(0, 400)}/AKIA${upper(16)}/${body.slice(400, 800)}`).length
  }
  assert.equal(found, 0)
})

test('takes values apart from what they hang on', () => {
  assert.deepEqual(typesIn('file-4111111111111112.pdf and 550e8400-e29b-41d4-a716-446655440000'), [])
  assert.deepEqual(typesIn('version 10.0.22.1 of build 1.2.3.4'), [])
  assert.deepEqual(typesIn('std::vector::iterator at 12:30:45'), [])
})

test('finds values in digits of other scripts and with blanks that do not break', () => {
  const wide = '４１１１　１１１１　１１１１　１１１１'
  const { findings } = inspectString(`é card ${wide}!`)
  assert.deepEqual(
    findings.map(({ type, start, end }) => [type, start, end]),
    [['CREDIT_CARD', 7, 26]],
  )
  assert.ok(typesIn('card 4111\u00a01111\u00a01111\u00a01111').includes('CREDIT_CARD'))
  assert.ok(typesIn('card 4111\u200b11111111\u200b1111').includes('CREDIT_CARD'))
})

test('counts in code points and different values once', () => {
  const { findings, unique } = inspectString('😀 jane@example.com 😀 jane@example.com bob@example.com')
  assert.deepEqual(
    findings.map(({ start, end }) => [start, end]),
    [
      [2, 18],
      [21, 37],
      [38, 53],
    ],
  )
  assert.equal(unique['EMAIL_ADDRESS'], 2)
})

test('lists every type that a rule can report, and no other', () => {
  const ruled = new Set([...numberRules, ...codeRules, ...secretRules].map(({ type }) => type))
  for (const type of ruled) assert.ok(catalogue.has(type), `${type} is not in the catalogue`)
  assert.ok(catalogue.size >= 40)
  const source = ['network', 'keys', 'composed', 'dates', 'phone', 'wallets', 'codes-person']
    .map((file) => readFileSync(new URL(`${file}.ts`, import.meta.url), 'utf8'))
    .join('')
  for (const type of catalogue.keys())
    assert.ok(ruled.has(type) || source.includes(`'${type}'`), `${type} is found by nothing`)
})

test('the page of types is made from the catalogue', () => {
  assert.equal(readFileSync(new URL('../../docs/detectors.md', import.meta.url), 'utf8'), detectorsPage())
})
