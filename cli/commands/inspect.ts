// Inspection without an exchange: what is in this file or text. Reads local files only; must never print a value found.
import { type Command, UsageFault } from '#cli/command.ts'
import { write, writeError } from '#cli/output.ts'

export const inspectText: Command = {
  usage: 'inspect text FILE [--lines]',
  summary:
    'find sensitive values in a text ("-" for standard input) and print JSON; exit code 1 when a line is malformed',
  options: {
    lines: { type: 'boolean', help: 'the file holds one JSON string per line; one result per line is written' },
  },
  positionals: [1, 1],
  async run(input) {
    const { inspectLines, inspectTextStream, readText } = await import('#inspection/text/inspect-text.ts')
    const source = readText(input.words[0] ?? '-')
    if (!input.flag('lines')) {
      write(JSON.stringify(await inspectTextStream(source)))
      return 0
    }
    let malformed = 0
    for await (const result of inspectLines(source)) {
      if (input.signal.aborted) break
      if ('error' in result) malformed++
      // A slow reader of our output must not make us hold all of it.
      if (!process.stdout.write(`${JSON.stringify(result)}\n`))
        await new Promise((resolve) => process.stdout.once('drain', resolve))
    }
    return malformed > 0 ? 1 : 0
  },
}

export const inspectFile: Command = {
  usage: 'inspect file FILE',
  summary: 'take a file apart and print the verdict as JSON; exit code 1 when it is malicious',
  options: {
    yara: { type: 'boolean', help: 'use the starter rules of YARA too (needs the optional package)' },
    rows: { type: 'string', multiple: true, help: 'match this file of row fingerprints (see inspect build-edm)' },
    documents: {
      type: 'string',
      multiple: true,
      help: 'match this file of document fingerprints (see inspect build-idm)',
    },
    hashes: { type: 'string', multiple: true, help: 'a file of SHA-256 hashes of known malware' },
  },
  positionals: [1, 1],
  async run(input) {
    const file = input.words[0] ?? ''
    const { createReadStream } = await import('node:fs')
    const { basename } = await import('node:path')
    const { startInspector } = await import('#inspection/inspect.ts')
    const { yaraIsThere } = await import('#inspection/malware/yara.ts')
    if (input.flag('yara') && !(await yaraIsThere()))
      writeError('The YARA engine has no package for this platform; its rules were not used.')
    const others = {
      ...(input.flag('yara') && { yara: true as const }),
      ...(input.list('rows').length > 0 && { rows: input.list('rows') }),
      ...(input.list('documents').length > 0 && { documents: input.list('documents') }),
      ...(input.list('hashes').length > 0 && { hashFeeds: input.list('hashes') }),
    }
    // The way that a body takes through the exchange: a file of any size in bounded memory.
    const inspector = startInspector({ pool: { threads: 1, others } })
    const body = inspector.open({
      direction: 'upload',
      method: 'PUT',
      url: 'file:///',
      contentType: null,
      contentEncoding: null,
      contentLength: null,
      fileName: basename(file),
      wanted: ['dlp', 'malware'],
    })
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024, signal: input.signal }))
      if (!body.push(chunk as Buffer)) await body.drained()
    const verdict = await body.end()
    await inspector.close()
    const { kind, ...rest } = verdict
    write(JSON.stringify({ verdict: kind, ...rest }))
    return kind === 'malicious' ? 1 : 0
  },
}

export const buildEdm: Command = {
  usage: 'inspect build-edm CSV --out FILE',
  summary: 'make fingerprints of the rows of a table, here and now; the table itself never leaves',
  options: {
    out: { type: 'string', help: 'the file to write' },
    name: { type: 'string', help: 'what findings call the table (default: "table")' },
    key: { type: 'string', help: 'the column that is nearly unique, such as an account number (default: the first)' },
    columns: { type: 'string', help: 'columns to match, with commas between (default: all)' },
    least: { type: 'string', help: 'how many cells besides the key must stand near it (default: 1)' },
  },
  positionals: [1, 1],
  async run(input) {
    const out = input.text('out')
    const least = Number(input.text('least') ?? '1')
    if (out === undefined || !Number.isSafeInteger(least) || least < 0)
      throw new UsageFault('--out is needed, and --least is a number', buildEdm)
    const { buildRows } = await import('#inspection/custom/build-rows.ts')
    const made = await buildRows(input.words[0] ?? '', out, {
      name: input.text('name') ?? 'table',
      key: input.text('key'),
      columns: input.text('columns')?.split(',') ?? [],
      least,
    })
    write(`${made.rows} rows, ${made.skipped} without a key skipped, ${made.bytes} bytes written to ${out}.`)
    return 0
  },
}

export const buildIdm: Command = {
  usage: 'inspect build-idm FOLDER --out FILE',
  summary: 'make fingerprints of the documents in a folder, here and now; their wording never leaves',
  options: { out: { type: 'string', help: 'the file to write' } },
  positionals: [1, 1],
  async run(input) {
    const out = input.text('out')
    if (out === undefined) throw new UsageFault('--out is needed', buildIdm)
    const { buildDocuments } = await import('#inspection/custom/build-documents.ts')
    const made = await buildDocuments(input.words[0] ?? '', out)
    for (const name of made.skipped) writeError(`skipped: ${name} has too little text`)
    write(`${made.documents} documents written to ${out}.`)
    return 0
  },
}
