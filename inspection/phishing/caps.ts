// Every limit of the phishing detector, with unit and reason. Must never be read from anywhere but here.
export const phishingCaps = {
  /** Characters of a URL that are looked at. Browsers go to 2 MB, but what tells phishing apart stands in front. */
  maxUrlChars: 2048,
  /** Characters of a host name in ASCII form: RFC 1035 allows 253; wildcard services stretch it. */
  maxHostChars: 260,
  /** Characters of a line of `inspect score-urls`; a longer one is answered as unreadable, and cut in the answer. */
  maxLineChars: 1024 * 1024,
  /** Bytes of the model file. The trained one is below 1 MB. */
  maxModelBytes: 4 * 1024 * 1024,
  /** Characters of a token compared with brand names by edit distance: deletions grow with its square. */
  maxBrandTokenChars: 18,
  /** Tokens of one host compared with brand names by edit distance. */
  maxBrandTokens: 12,
  /** Characters of HTML looked at per page; the rest is passed on unread, and the finding says so. */
  maxPageChars: 2 * 1024 * 1024,
  /** Characters of title and visible text kept for brand words. */
  maxPageTextChars: 16 * 1024,
  /** Characters of one inline script judged for obfuscation. */
  maxScriptChars: 64 * 1024,
  /** Forms, assets and frames of one page that are counted; more say nothing more. */
  maxPageElements: 2000,
  /** Characters of an unfinished tag held back while password fields are disabled in a stream. */
  maxHeldTagChars: 64 * 1024,
} as const
