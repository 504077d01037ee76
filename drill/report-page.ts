// The report of a drill as one HTML file, for whoever has played it. The same document is a PDF at control.
import { drillDocument, type Reported } from '#core/drill/report.ts'
import { htmlOf } from '#core/report/html.ts'

export function reportPage(reported: Reported): string {
  return htmlOf(drillDocument(reported))
}
