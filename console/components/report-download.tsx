// Buttons that fetch a report and hand it to the browser as a file. Must never open it in the console's own origin.
import { useState, type ReactNode } from 'react'
import { Button } from './button.tsx'
import { FaultNote } from './state.tsx'

export type ReportFile = { readonly fileName: string; readonly mediaType: string; readonly content: string }

export function ReportDownload({
  label,
  formats,
  fetchReport,
}: {
  readonly label: string
  readonly formats: readonly string[]
  readonly fetchReport: (format: string) => Promise<ReportFile>
}): ReactNode {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const get = async (format: string) => {
    setBusy(true)
    setError(null)
    try {
      save(await fetchReport(format))
    } catch (cause) {
      setError(cause)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      {formats.map((format) => (
        <Button key={format} look="plain" disabled={busy} onClick={() => void get(format)}>
          {label} {format.toUpperCase()}
        </Button>
      ))}
      {error !== null && <FaultNote error={error} />}
    </>
  )
}

function save({ fileName, mediaType, content }: ReportFile): void {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0))
  const address = URL.createObjectURL(new Blob([bytes], { type: mediaType }))
  const link = document.createElement('a')
  link.href = address
  link.download = fileName
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
