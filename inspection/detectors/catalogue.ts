// Every type that the built-in detectors report: what it is, what proves it, and whether finding it makes a text sensitive.
// The table of docs/detectors.md is made from this one; a test compares both with the rules.
export type DetectorType = {
  readonly about: string
  /** What must hold besides the form; "words" means that it is reported only beside words that name it. */
  readonly proof: string
  readonly group:
    | 'payment'
    | 'person'
    | 'health'
    | 'contact'
    | 'document'
    | 'organisation'
    | 'secret'
    | 'wallet'
    | 'device'
  /** False: shown as a finding, but no reason to call a text sensitive. */
  readonly isSensitive: boolean
}

const table = `
payment|CREDIT_CARD|payment card|issuer range, length, Luhn
payment|IBAN_CODE|international bank account number|registry length and structure, mod 97
payment|SWIFT_CODE|bank identifier (BIC)|country code, words
payment|US_ROUTING_NUMBER|routing number of a US bank|region, weighted mod 10, words
payment|US_BANK_ACCOUNT|account number without a form of its own|words
person|US_SSN|US social security number|issued areas and groups
person|US_ITIN|US individual taxpayer number|issued groups
person|CA_SIN|Canadian social insurance number|Luhn
person|BR_CPF|Brazilian personal number|two check digits
person|AR_CUIL|Argentinian labour or tax number|prefix, check digit
person|CL_RUT|Chilean number (RUT, RUN)|check digit or K
person|EC_CEDULA|Ecuadorian identity number|province, Luhn, words
person|UY_CI|Uruguayan identity number|check digit
person|MX_CURP|Mexican population number|date, state, check digit
person|MX_RFC|Mexican tax number|date, check digit
person|UK_NINO|UK national insurance number|prefixes in use
person|DE_STEUER_ID|German tax identification number|digit frequency, mod 11,10
person|DE_PERSONALAUSWEIS|German identity card|check digit, or words
person|FR_NIR|French social security number|month, mod 97
person|ES_DNI|Spanish identity number|check letter
person|ES_NIE|Spanish foreigner's number|check letter
person|IT_CODICE_FISCALE|Italian tax code|date, check letter
person|PT_NIF|Portuguese tax number|check digit, words
person|NL_BSN|Dutch citizen service number|eleven-test, words
person|BE_RIJKSREGISTER|Belgian national register number|date, mod 97
person|PL_PESEL|Polish personal number|date, check digit
person|CZ_SK_RODNE_CISLO|Czech or Slovak birth number|date, mod 11
person|SE_PERSONNUMMER|Swedish personal number|date, Luhn
person|NO_FODSELSNUMMER|Norwegian birth number|date, two check digits
person|DK_CPR|Danish personal number|date, mod 11 or words
person|FI_HETU|Finnish personal identity code|date, check character
person|CH_AHV|Swiss social security number|756, EAN-13
person|AT_SVNR|Austrian social security number|date, check digit
person|IE_PPS|Irish personal public service number|check letter
person|RO_CNP|Romanian personal numeric code|date, county, check digit
person|BG_EGN|Bulgarian civil number|date, check digit
person|HR_OIB|Croatian personal number|mod 11,10, words
person|EE_ISIKUKOOD|Estonian personal code|date, check digit
person|LT_ASMENS_KODAS|Lithuanian personal code|date, check digit
person|LV_PERSONAS_KODS|Latvian personal code|date, check digit
person|RS_JMBG|personal number of the successor states of Yugoslavia|date, check digit
person|GR_AMKA|Greek social security number|date, Luhn
person|GR_AFM|Greek tax number|check digit, words
person|HU_TAJ|Hungarian social security number|check digit, words
person|HU_TAX_ID|Hungarian tax identifier|check digit, words
person|UA_RNOKPP|Ukrainian taxpayer number|check digit, words
person|RU_INN|Russian taxpayer number|check digits
person|RU_SNILS|Russian insurance number|mod 101
person|IN_AADHAAR|Indian Aadhaar number|Verhoeff
person|IN_PAN|Indian permanent account number|holder letter
person|CN_RESIDENT_ID|Chinese resident identity number|date, mod 11-2
person|KR_RRN|Korean resident registration number|date, check digit or words
person|TW_ID|Taiwanese identity number|check digit
person|HK_ID|Hong Kong identity card|check digit in brackets
person|SG_NRIC|Singaporean NRIC or FIN|check letter
person|JP_MY_NUMBER|Japanese individual number|check digit, words
person|TH_ID|Thai identity number|check digit
person|TR_KIMLIK|Turkish identity number|two check digits
person|ZA_ID|South African identity number|date, Luhn
person|IL_ID|Israeli identity number|Luhn, words
person|KZ_IIN|Kazakh individual number|date, check digit
person|IR_MELLI|Iranian national code|check digit, words
person|SA_NATIONAL_ID|Saudi identity or residence number|Luhn, words
person|AE_EMIRATES_ID|Emirates identity number|784, Luhn
person|EG_NATIONAL_ID|Egyptian national number|date, governorate
person|ID_NIK|Indonesian identity number|region, date, words
person|MY_MYKAD|Malaysian identity number|date, state
person|PK_CNIC|Pakistani identity number|form, region
person|VN_CCCD|Vietnamese identity number|province, words
person|AU_TFN|Australian tax file number|mod 11, words
person|NZ_IRD|New Zealand tax number|mod 11, words
person|DATE_OF_BIRTH|date of birth|a day that exists, words
health|UK_NHS_NUMBER|UK NHS number|mod 11
health|AU_MEDICARE|Australian Medicare card|check digit
health|US_MBI|US Medicare beneficiary identifier|form
health|US_NPI|US national provider identifier|Luhn with 80840, words
health|US_DEA|US DEA registration|check digit
health|DE_HEALTH_INSURANCE|German health insurance number|check digit
health|MEDICAL_RECORD_NUMBER|medical record number|words
document|PASSPORT|passport number or machine-readable zone|ICAO check digits, or words
document|ID_CARD|machine-readable zone of an identity card|ICAO check digits
document|US_DRIVER_LICENSE|US driving licence|forms of the states, words
document|UK_DRIVER_LICENSE|UK driving licence|date in the number
contact|PHONE_NUMBER|telephone number|numbering plans, or form and words
contact|EMAIL_ADDRESS|e-mail address|public suffix
contact|IP_ADDRESS|IPv4 or IPv6 address|ranges
contact|DOMAIN_NAME|URL with a public host name|public suffix|no
contact|MAC_ADDRESS|hardware address|six pairs
organisation|US_EIN|US employer number|prefix, words
organisation|BR_CNPJ|Brazilian company number|two check digits
organisation|CO_NIT|Colombian tax number|check digit
organisation|ES_CIF|Spanish company number|check character
organisation|PL_NIP|Polish tax number|mod 11
organisation|IN_GSTIN|Indian goods and services tax number|check character
organisation|EU_VAT|VAT number of the EU|each country's check
organisation|AU_ABN|Australian business number|mod 89
device|VIN|vehicle identification number|check digit
device|IMEI|identity of a mobile device|Luhn, words
device|SIM_ICCID|serial number of a SIM card|89, Luhn
secret|PRIVATE_KEY|private key in PEM, OpenSSH, PGP or PuTTY form|armour and random body
secret|AWS_ACCESS_KEY|AWS access key id|prefix, entropy
secret|AWS_SECRET_KEY|AWS secret key|named, 40 characters, entropy
secret|AZURE_STORAGE_KEY|Azure storage key|named, 64 bytes of base64
secret|AZURE_CLIENT_SECRET|Azure application secret|mark within, named
secret|GOOGLE_API_KEY|Google API key|prefix, entropy
secret|GOOGLE_OAUTH|Google OAuth token or secret|prefix, entropy
secret|GITHUB_TOKEN|GitHub token|prefix, entropy
secret|GITLAB_TOKEN|GitLab token|prefix, entropy
secret|SLACK_TOKEN|Slack token or webhook|prefix, entropy
secret|STRIPE_KEY|Stripe key or webhook secret|prefix, entropy
secret|TWILIO_KEY|Twilio key or account|prefix, entropy
secret|SENDGRID_KEY|SendGrid key|prefix, entropy
secret|NPM_TOKEN|npm token|prefix, entropy
secret|PYPI_TOKEN|PyPI token|prefix, entropy
secret|ANTHROPIC_KEY|Anthropic key|prefix, entropy
secret|OPENAI_KEY|OpenAI key|prefix or mark within, entropy
secret|OPENROUTER_KEY|OpenRouter key|prefix, entropy
secret|GROQ_KEY|Groq key|prefix, entropy
secret|PERPLEXITY_KEY|Perplexity key|prefix, entropy
secret|HUGGINGFACE_TOKEN|Hugging Face token|prefix, entropy
secret|DATABRICKS_TOKEN|Databricks token|prefix, entropy
secret|DIGITALOCEAN_TOKEN|DigitalOcean token|prefix, entropy
secret|SHOPIFY_TOKEN|Shopify token|prefix, entropy
secret|SQUARE_TOKEN|Square token|prefix, entropy
secret|MAILGUN_KEY|Mailgun key|prefix, entropy
secret|VAULT_TOKEN|Vault token|prefix, entropy
secret|LINEAR_KEY|Linear key|prefix, entropy
secret|NEWRELIC_KEY|New Relic key|prefix, entropy
secret|GRAFANA_TOKEN|Grafana token|prefix, entropy
secret|POSTMAN_KEY|Postman key|prefix, entropy
secret|ATLASSIAN_TOKEN|Atlassian token|prefix, entropy
secret|DOCKER_TOKEN|Docker Hub token|prefix, entropy
secret|RUBYGEMS_KEY|RubyGems key|prefix, entropy
secret|PULUMI_TOKEN|Pulumi token|prefix, entropy
secret|SENTRY_TOKEN|Sentry token|prefix, entropy
secret|FIGMA_TOKEN|Figma token|prefix, entropy
secret|NOTION_TOKEN|Notion token|prefix, entropy
secret|HEROKU_KEY|Heroku key|prefix, entropy
secret|ALIBABA_KEY|Alibaba Cloud key|prefix, entropy
secret|DOPPLER_TOKEN|Doppler token|prefix, entropy
secret|DROPBOX_TOKEN|Dropbox token|prefix, entropy
secret|FACEBOOK_TOKEN|Facebook token|prefix, entropy
secret|SUPABASE_KEY|Supabase key|prefix, entropy
secret|CRATES_TOKEN|Cargo registry token|prefix, entropy
secret|AGE_KEY|age secret key|prefix, alphabet
secret|ONEPASSWORD_TOKEN|1Password service token|prefix, entropy
secret|TERRAFORM_TOKEN|Terraform Cloud token|prefix, entropy
secret|TELEGRAM_TOKEN|Telegram bot token|form of both halves
secret|JWT|JSON web token|header that can be read
secret|URL_PASSWORD|password within a URL|user information
secret|PASSWORD|password given to a name|named, more than one class of characters
secret|GENERIC_SECRET|key or token given to a name|named, entropy
wallet|BITCOIN_ADDRESS|Bitcoin address|base58check, bech32 or bech32m
wallet|BITCOIN_PRIVATE_KEY|Bitcoin private key|base58check
wallet|ETHEREUM_ADDRESS|Ethereum address|EIP-55, or words
wallet|LITECOIN_ADDRESS|Litecoin address|base58check or bech32
wallet|DOGECOIN_ADDRESS|Dogecoin address|base58check
wallet|TRON_ADDRESS|Tron address|base58check
wallet|RIPPLE_ADDRESS|XRP address|base58check
wallet|MONERO_ADDRESS|Monero address|form`

const groupOf = (text: string): DetectorType['group'] => text as DetectorType['group']

export const catalogue: ReadonlyMap<string, DetectorType> = new Map(
  table
    .trim()
    .split('\n')
    .map((line) => {
      const [group = '', type = '', about = '', proof = '', sensitive = ''] = line.split('|')
      return [type, { group: groupOf(group), about, proof, isSensitive: sensitive !== 'no' }]
    }),
)

export const isSensitive = (type: string): boolean => catalogue.get(type)?.isSensitive ?? true
