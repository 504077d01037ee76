import { scanText } from '#inspection/text/scan-text.ts'
import * as texts from '#bench/inspection-texts.ts'
for (const name of (process.argv[2] ?? 'prose,numbers,json,csv,leak').split(',')) {
  const bytes = texts[name]()
  const n = Number(process.argv[3] ?? 4)
  let found = scanText(bytes).findings.length
  const speeds = []
  for (let i = 0; i < n; i++) {
    const b = process.threadCpuUsage()
    scanText(bytes, { maxFindings: 1e6 })
    const { user, system } = process.threadCpuUsage(b)
    speeds.push((bytes.length / (user + system)).toFixed(0))
  }
  console.log(name, speeds.join(' '), 'MB/s', found)
}
