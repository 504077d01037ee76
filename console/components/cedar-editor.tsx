// The policy editor: Cedar's colours, completion from the schema and from this tenant's names, faults in place, search
// and undo. It lives in a shadow root, where its styles are constructed sheets: the content security policy allows no
// style element and gets no exception. Must never be needed to read or save: the text is the page's.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, indentUnit, StreamLanguage, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from '@codemirror/lint'
import { highlightSelectionMatches, search, searchKeymap } from '@codemirror/search'
import { EditorState } from '@codemirror/state'
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { useEffect, useRef, type ReactNode } from 'react'
import type { Place } from '#console/api/api-fault.ts'
import { caps } from '#console/caps.ts'
import { text as messages } from '#console/messages/text.ts'
import { completeCedar, type NamesOf } from './cedar-completion.ts'
import { cedarToken } from './cedar-tokens.ts'

const cedar = StreamLanguage.define({
  name: 'cedar',
  token: (stream) => {
    const { kind, length } = cedarToken(stream.string.slice(stream.pos))
    stream.pos += length
    return kind === 'plain' ? null : kind
  },
  tokenTable: {
    effect: tags.definitionKeyword,
    word: tags.keyword,
    text: tags.string,
    note: tags.annotation,
    remark: tags.comment,
  },
  languageData: { commentTokens: { line: '//' }, closeBrackets: { brackets: ['(', '[', '{', '"'] } },
})

const colours = HighlightStyle.define([
  { tag: tags.definitionKeyword, color: 'var(--accent)', fontWeight: '600' },
  { tag: tags.keyword, color: 'var(--accent)' },
  { tag: tags.string, color: 'var(--allow)' },
  { tag: tags.annotation, color: 'var(--warn)' },
  { tag: tags.comment, color: 'var(--ink-3)', fontStyle: 'italic' },
])

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--surface)', fontSize: 'var(--mono-size)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', minHeight: '240px', maxHeight: '60vh' },
  '.cm-content': { padding: '12px 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 14px' },
  '.cm-gutters': { backgroundColor: 'var(--sunken)', color: 'var(--ink-3)', borderRight: '1px solid var(--line)' },
  '.cm-lineNumbers .cm-gutterElement': { padding: '0 8px 0 12px' },
  '.cm-activeLine': { backgroundColor: 'var(--hover)' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--accent-soft)',
  },
  '.cm-selectionMatch': { backgroundColor: 'var(--accent-soft)' },
  '&.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-soft)', outline: '1px solid var(--accent)' },
  '.cm-tooltip': {
    backgroundColor: 'var(--surface)',
    color: 'var(--ink)',
    border: '1px solid var(--line)',
    borderRadius: '6px',
    boxShadow: 'var(--float)',
    overflow: 'hidden',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: 'var(--mono-size)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-soft)', color: 'var(--ink)' },
  '.cm-completionDetail': { color: 'var(--ink-3)', fontStyle: 'normal' },
  '.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent)', fontWeight: '600' },
  '.cm-diagnostic-error': { borderLeft: '3px solid var(--deny)' },
  '.cm-diagnostic-warning': { borderLeft: '3px solid var(--warn)' },
  '.cm-lintRange-error': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--deny)',
    textUnderlineOffset: '3px',
  },
  '.cm-lintRange-warning': {
    backgroundImage: 'none',
    textDecoration: 'underline wavy var(--warn)',
    textUnderlineOffset: '3px',
  },
  '.cm-panels': {
    backgroundColor: 'var(--sunken)',
    color: 'var(--ink)',
    borderTop: '1px solid var(--line)',
    fontFamily: 'var(--sans)',
  },
  '.cm-textfield': { border: '1px solid var(--edge)', borderRadius: '4px', backgroundColor: 'var(--surface)' },
  '.cm-button': {
    backgroundImage: 'none',
    backgroundColor: 'var(--surface)',
    border: '1px solid var(--edge)',
    borderRadius: '4px',
  },
})

export type Fault = Place & { readonly message: string; readonly kind: 'error' | 'warning' }
export type CedarEditorProps = {
  readonly text: string
  readonly onText: (text: string) => void
  readonly faults: readonly Fault[]
  readonly label: string
  readonly namesOf: NamesOf
}

export function CedarEditor({ text, onText, faults, label, namesOf }: CedarEditorProps): ReactNode {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView | null>(null)
  const latest = useRef({ onText, namesOf })
  latest.current = { onText, namesOf }
  const begin = useRef(text)
  useEffect(() => {
    const host = place.current
    if (!host) return
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
    const made = new EditorView({
      root,
      parent: root,
      state: EditorState.create({
        doc: begin.current,
        extensions: [
          lineNumbers(),
          lintGutter(),
          highlightSpecialChars(),
          history(),
          drawSelection(),
          bracketMatching(),
          closeBrackets(),
          highlightActiveLine(),
          highlightSelectionMatches(),
          search({ top: false }),
          indentUnit.of('  '),
          cedar,
          syntaxHighlighting(colours),
          autocompletion({
            override: [(context) => completeCedar(context, (kind, typed) => latest.current.namesOf(kind, typed))],
            icons: false,
          }),
          keymap.of([
            ...closeBracketsKeymap,
            ...defaultKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...completionKeymap,
            ...lintKeymap,
            indentWithTab,
          ]),
          EditorState.transactionFilter.of((change) =>
            change.docChanged && change.newDoc.length > caps.policyCharacters ? [] : change,
          ),
          EditorView.contentAttributes.of({
            'aria-label': label,
            'aria-description': messages.editor.leave,
            spellcheck: 'false',
            autocapitalize: 'off',
          }),
          // Over a selection the browser would merge lines by writing style attributes, which the policy refuses.
          EditorView.domEventHandlers({
            beforeinput: (event, editor) => {
              if (event.inputType !== 'insertText' || event.data === null || editor.composing) return false
              if (editor.state.selection.main.empty) return false
              event.preventDefault()
              editor.dispatch({ ...editor.state.replaceSelection(event.data), userEvent: 'input.type' })
              return true
            },
          }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onText(update.state.doc.toString())
          }),
          look,
        ],
      }),
    })
    view.current = made
    return () => {
      made.destroy()
      view.current = null
    }
  }, [label])
  useEffect(() => {
    const editor = view.current
    if (editor && editor.state.doc.toString() !== text)
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } })
    begin.current = text
  }, [text])
  useEffect(() => {
    const editor = view.current
    if (!editor) return
    editor.dispatch(
      setDiagnostics(
        editor.state,
        faults.map((fault) => diagnosticOf(fault, editor.state)),
      ),
    )
  }, [faults])
  return <div className="code-editor" ref={place} />
}

function diagnosticOf({ line, column, message, kind }: Fault, state: EditorState): Diagnostic {
  const at = state.doc.line(Math.max(1, Math.min(line, state.doc.lines)))
  const from = Math.min(at.to, at.from + Math.max(0, (column ?? 1) - 1))
  const rest = state.sliceDoc(from, at.to)
  const word = /^\w+|^\S+/.exec(rest)?.[0].length ?? 0
  const isWhole = column === null || word === 0
  return { from: isWhole ? at.from : from, to: isWhole ? at.to : from + word, severity: kind, message }
}
