// Keys and tokens of common services, by the prefix their issuer gave them. A match must look random and must not lie
// within a base64 body, where every short prefix occurs sooner or later. Must never send a key anywhere to try it.
export type SecretRule = {
  readonly type: string
  readonly label: string
  /** At least three characters, with which every match begins. */
  readonly prefixes: readonly string[]
  readonly pattern: RegExp
  readonly confidence: number
  /** Least Shannon entropy of the part behind the prefix, bits per character. */
  readonly entropy: number
}

const rule = (
  type: string,
  label: string,
  prefixes: string,
  pattern: RegExp,
  confidence = 0.95,
  entropy = 3,
): SecretRule => ({
  type,
  label,
  prefixes: prefixes.split(' '),
  pattern: new RegExp(pattern.source, 'y'),
  confidence,
  entropy,
})

export const secretRules: readonly SecretRule[] = [
  rule(
    'AWS_ACCESS_KEY',
    'AWS access key id',
    'AKIA ASIA ABIA ACCA',
    /A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16}(?![A-Za-z0-9_])/,
    0.95,
    2.7,
  ),
  rule('GOOGLE_API_KEY', 'Google API key', 'AIza', /AIza[\w-]{35}(?![\w-])/),
  rule('GOOGLE_OAUTH', 'Google OAuth access token', 'ya29.', /ya29\.[\w-]{20,512}/),
  rule('GOOGLE_OAUTH', 'Google OAuth client secret', 'GOCSPX-', /GOCSPX-[\w-]{28}(?![\w-])/),
  rule('GITHUB_TOKEN', 'GitHub token', 'ghp_ gho_ ghu_ ghs_ ghr_', /gh[pousr]_[A-Za-z0-9]{36,251}(?!\w)/),
  rule('GITHUB_TOKEN', 'GitHub fine-grained token', 'github_pat_', /github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?!\w)/),
  rule(
    'GITLAB_TOKEN',
    'GitLab token',
    'glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- gloas-',
    /gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas)-[\w-]{20,300}/,
  ),
  rule(
    'SLACK_TOKEN',
    'Slack token',
    'xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxe.',
    /xox[abeoprs][.-](?:[\w]{1,8}-)?\d{6,16}-[\w-]{16,200}|xox[abeoprs]-[\w-]{24,250}/,
    0.95,
    2.8,
  ),
  rule('SLACK_TOKEN', 'Slack app token', 'xapp-', /xapp-\d-[A-Z0-9]{9,13}-\d{10,15}-[a-f0-9]{64}/, 0.97, 2.8),
  rule(
    'STRIPE_KEY',
    'Stripe key',
    'sk_live_ sk_test_ rk_live_ rk_test_',
    /[sr]k_(?:live|test)_[A-Za-z0-9]{16,240}(?!\w)/,
  ),
  rule('STRIPE_KEY', 'Stripe webhook secret', 'whsec_', /whsec_[A-Za-z0-9+/]{24,100}=?/),
  rule(
    'TWILIO_KEY',
    'Twilio API key',
    'SK0 SK1 SK2 SK3 SK4 SK5 SK6 SK7 SK8 SK9 SKa SKb SKc SKd SKe SKf',
    /SK[0-9a-f]{32}(?!\w)/,
    0.9,
  ),
  rule(
    'TWILIO_KEY',
    'Twilio account',
    'AC0 AC1 AC2 AC3 AC4 AC5 AC6 AC7 AC8 AC9 ACa ACb ACc ACd ACe ACf',
    /AC[0-9a-f]{32}(?!\w)/,
    0.8,
  ),
  rule('SENDGRID_KEY', 'SendGrid key', 'SG.', /SG\.[\w-]{22}\.[\w-]{43}(?![\w-])/, 0.98),
  rule('NPM_TOKEN', 'npm token', 'npm_', /npm_[A-Za-z0-9]{36}(?!\w)/),
  rule('PYPI_TOKEN', 'PyPI token', 'pypi-', /pypi-AgE[\w-]{50,1000}/, 0.98),
  rule('ANTHROPIC_KEY', 'Anthropic key', 'sk-ant-', /sk-ant-[a-z]{2,12}\d{2}-[\w-]{40,200}/, 0.98),
  rule('OPENAI_KEY', 'OpenAI key', 'sk-proj- sk-svcacct- sk-admin-', /sk-(?:proj|svcacct|admin)-[\w-]{32,250}/, 0.97),
  rule(
    'OPENAI_KEY',
    'OpenAI key',
    'sk-',
    /sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}(?!\w)|sk-[A-Za-z0-9]{48}(?!\w)/,
    0.95,
    3.5,
  ),
  rule('OPENROUTER_KEY', 'OpenRouter key', 'sk-or-', /sk-or-v1-[0-9a-f]{64}(?!\w)/, 0.97),
  rule('HUGGINGFACE_TOKEN', 'Hugging Face token', 'hf_ api_org_', /(?:hf_|api_org_)[A-Za-z0-9]{34}(?!\w)/),
  rule('DATABRICKS_TOKEN', 'Databricks token', 'dapi', /dapi[0-9a-f]{32}(?:-\d)?(?!\w)/),
  rule('DIGITALOCEAN_TOKEN', 'DigitalOcean token', 'doo_v1_ dop_v1_ dor_v1_', /do[opr]_v1_[0-9a-f]{64}(?!\w)/, 0.98),
  rule(
    'SHOPIFY_TOKEN',
    'Shopify token',
    'shpat_ shpca_ shppa_ shpss_',
    /shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}(?!\w)/,
    0.97,
  ),
  rule('SQUARE_TOKEN', 'Square token', 'sq0atp- sq0csp- sq0idp-', /sq0(?:atp|csp|idp)-[\w-]{22,43}(?![\w-])/),
  rule('MAILGUN_KEY', 'Mailgun key', 'key-', /key-[0-9a-f]{32}(?![\w-])/, 0.9),
  rule('VAULT_TOKEN', 'Vault token', 'hvs. hvb. hvr.', /hv[sbr]\.[\w-]{24,300}/),
  rule('LINEAR_KEY', 'Linear key', 'lin_api_', /lin_api_[A-Za-z0-9]{40}(?!\w)/, 0.97),
  rule('NEWRELIC_KEY', 'New Relic key', 'NRAK-', /NRAK-[A-Z0-9]{27}(?!\w)/),
  rule(
    'GRAFANA_TOKEN',
    'Grafana token',
    'glsa_ glc_',
    /glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}(?!\w)|glc_[A-Za-z0-9+/]{32,400}={0,2}/,
  ),
  rule('POSTMAN_KEY', 'Postman key', 'PMAK-', /PMAK-[0-9a-f]{24}-[0-9a-f]{34}(?!\w)/, 0.98),
  rule('ATLASSIAN_TOKEN', 'Atlassian token', 'ATATT3', /ATATT3[\w-]{180,250}=?[0-9A-F]{0,8}/, 0.98),
  rule('DOCKER_TOKEN', 'Docker Hub token', 'dckr_pat_', /dckr_pat_[\w-]{27}(?![\w-])/, 0.98),
  rule('RUBYGEMS_KEY', 'RubyGems key', 'rubygems_', /rubygems_[0-9a-f]{48}(?!\w)/, 0.98),
  rule('PULUMI_TOKEN', 'Pulumi token', 'pul-', /pul-[0-9a-f]{40}(?!\w)/),
  rule('SENTRY_TOKEN', 'Sentry token', 'sntrys_', /sntrys_eyJ[\w+/=-]{40,600}/, 0.97),
  rule('FIGMA_TOKEN', 'Figma token', 'figd_', /figd_[\w-]{38,45}(?![\w-])/),
  rule('NOTION_TOKEN', 'Notion token', 'ntn_ secret_', /ntn_[A-Za-z0-9]{43,47}(?!\w)|secret_[A-Za-z0-9]{43}(?!\w)/),
  rule('HEROKU_KEY', 'Heroku key', 'HRKU-', /HRKU-[\w-]{36,70}(?![\w-])/),
  rule('ALIBABA_KEY', 'Alibaba Cloud key', 'LTAI', /LTAI[A-Za-z0-9]{12,24}(?!\w)/, 0.85, 3.2),
  rule(
    'DOPPLER_TOKEN',
    'Doppler token',
    'dp.',
    /dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,44}(?!\w)/,
    0.97,
  ),
  rule('DROPBOX_TOKEN', 'Dropbox token', 'sl.', /sl\.(?:u\.)?[\w-]{130,1500}/, 0.9),
  rule('FACEBOOK_TOKEN', 'Facebook token', 'EAA', /EAA[A-Za-z0-9]{80,300}(?!\w)/, 0.85, 4),
  rule(
    'AGE_KEY',
    'age secret key',
    'AGE-SECRET-KEY-1',
    /AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}(?!\w)/,
    0.99,
  ),
  rule('ONEPASSWORD_TOKEN', '1Password service token', 'ops_eyJ', /ops_eyJ[\w+/=-]{200,1500}/, 0.98),
  rule('TERRAFORM_TOKEN', 'Terraform Cloud token', 'atlasv1.', /atlasv1\.[\w-]{60,70}(?![\w-])/, 0.9),
  rule('SUPABASE_KEY', 'Supabase key', 'sbp_ sb_secret_', /sbp_[0-9a-f]{40}(?!\w)|sb_secret_[\w-]{20,60}/),
  rule('GROQ_KEY', 'Groq key', 'gsk_', /gsk_[A-Za-z0-9]{48,56}(?!\w)/),
  rule('PERPLEXITY_KEY', 'Perplexity key', 'pplx-', /pplx-[A-Za-z0-9]{40,60}(?!\w)/),
  rule('CRATES_TOKEN', 'Cargo registry token', 'cio', /cio[A-Za-z0-9]{32}(?!\w)/, 0.85, 3.5),
]

/** Shannon entropy in bits per character. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>()
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length)
  return bits
}

const placeholder = /x{6}|\*{3}|\.{3}|0{8}|your|placeholder|change_?me|dummy|redacted|<|\$\{|\{\{/i

/** What stands in documents and templates in the place of a secret. */
export function isPlaceholder(text: string): boolean {
  return placeholder.test(text)
}
