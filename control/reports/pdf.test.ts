import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ReportDocument } from '#core/report/document.ts'
import { caps } from '#control/caps.ts'
import { pdfOf } from './pdf.ts'

const report = (blocks: ReportDocument['sections'][number]['blocks']): ReportDocument => ({
  title: 'A case',
  verdict: { text: 'closed', look: 'plain' },
  subtitle: 'made for a test',
  sections: [{ title: 'What happened', blocks }],
})

describe('a report as PDF', () => {
  it('gives everybody else their turn while it is made, in whatever script it is written', async () => {
    const long = '漢'.repeat(4000)
    const text = Array.from({ length: 40 }, () => ({ kind: 'text', text: long }) as const)
    const table = { kind: 'table', head: ['a', 'b'], rows: Array.from({ length: 100 }, () => [long, long]) } as const
    let turns = 0
    let isOver = false
    const turn = () => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    setImmediate(turn)
    const pdf = await pdfOf(report([...text, table]), 0)
    isOver = true
    assert.equal(pdf.subarray(0, 5).toString(), '%PDF-')
    assert.ok(turns > 20, `${turns} turns`)
  })

  it('is bounded after its characters were spelled out, too', async () => {
    const plain = await pdfOf(report([{ kind: 'text', text: 'x'.repeat(4000) }]), 0)
    const spelled = await pdfOf(report([{ kind: 'text', text: '漢'.repeat(4000) }]), 0)
    assert.ok(spelled.length < 2 * plain.length, `${spelled.length} bytes against ${plain.length}`)
    const rows = Array.from({ length: 50_000 }, () => ['漢字'.repeat(300), 'b'])
    const cut = await pdfOf(report([{ kind: 'table', head: ['a', 'b'], rows }]), 0)
    const pages = cut.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0
    assert.ok(pages > 1 && pages <= caps.reportPages.default + 1, `${pages} pages`)
  })
})
