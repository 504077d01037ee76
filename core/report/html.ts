// A report as one HTML file without scripts, images or links: it can be mailed and opened anywhere. Every text goes through
// `escape`: names of users and apps come from outside.
import { plainText, type ReportBlock, type ReportDocument } from './document.ts'

export function htmlOf({ title, verdict, subtitle, sections }: ReportDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}: ${escape(verdict.text)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><p class="verdict ${verdict.look}">${escape(verdict.text)}</p><h1>${escape(title)}</h1>
<p>${escape(subtitle)}</p></header>
${sections.map((section) => `<section><h2>${escape(section.title)}</h2>${section.blocks.map(block).join('')}</section>`).join('\n')}
</body>
</html>
`
}

function block(made: ReportBlock): string {
  switch (made.kind) {
    case 'text':
      return `<p>${escape(made.text)}</p>`
    case 'list':
      return `<ul>${made.items.map((item) => `<li>${escape(item)}</li>`).join('')}</ul>`
    case 'facts':
      return `<dl>${made.facts.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join('')}</dl>`
    case 'table':
      return `<table><thead><tr>${cells(made.head, 'th')}</tr></thead><tbody>${made.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table>`
  }
}

function cells(row: readonly string[], tag: 'th' | 'td'): string {
  return row.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join('')
}

function escape(text: string): string {
  return plainText(text, 8000)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{margin:.2rem 0;overflow-wrap:anywhere}h2{margin-top:2rem;font-size:1.1rem}
.verdict{display:inline-block;margin:0;padding:.1rem .7rem;border-radius:1rem;color:#fff;background:#5f6368;text-transform:uppercase;font-size:.85rem}
.verdict.good{background:#1b6e3c}.verdict.bad{background:#b3261e}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.8rem}
dl div{border:1px solid #8886;border-radius:.5rem;padding:.6rem .8rem}dt{font-size:.85rem;opacity:.75}dd{margin:0;font-size:1.15rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884;overflow-wrap:anywhere}
@media print{body{margin:0}}
`.replaceAll('\n', '')
