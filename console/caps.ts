// Limits of the console, each with unit and reason. Must stay the only place where they are written.
export const caps = {
  /** ms; a change that waits for receipts from every exchange answers well within this. */
  requestTimeoutMs: 30_000,
  /** Rows a page of a list; the next is read while the end of the last one comes into view. */
  pageRows: 50,
  /** Rows of one list held at once; whoever scrolls further goes on at an address of its own. */
  listRows: 20_000,
  /** Rows from which only those in view are drawn. */
  virtualFromRows: 40,
  /** Pixels: what a row is taken to measure before it is drawn, on a desk and as a card on a phone. */
  rowPixels: 45,
  cardPixels: 150,
  /** Rows drawn beyond the view on each side. */
  overscanRows: 12,
  /** ms between readings of the table of live flows; the picture comes by the live stream. */
  flowsEveryMs: 3_000,
  /** Live flows read for the table: the newest; and when something is looked for, what the API gives at most. */
  flowRows: 200,
  flowRowsSearched: 2_000,
  /** Rows of the live table that are drawn; the rest is counted, and found by filter. */
  flowRowsShown: 50,
  /** ms between refreshes of lists while visible; changes made here refresh at once. */
  listEveryMs: 15_000,
  /** ms between looks at the board of a drill that runs. */
  boardEveryMs: 700,
  /** ms between looks at whether the steps of the first run are done. */
  firstRunEveryMs: 5_000,
  /** ms between looks at how many requests for access wait. */
  waitingEveryMs: 30_000,
  /** Denials that *Now* shows, and how far it looks back (ms). */
  denialRows: 8,
  denialWindowMs: 15 * 60_000,
  /** Samples of throughput kept, one a second: ten minutes. */
  rateSamples: 600,
  /** Live events kept in memory; older ones are a query away. */
  liveEvents: 300,
  /** ms; live events are drawn in batches, so that a thousand a second cost no more than ten. */
  liveBatchMs: 200,
  /** ms of quiet typing before a search goes to the server. */
  searchPauseMs: 250,
  /** Characters of anything taken from the URL. */
  searchCharacters: 300,
  /** Characters of a cursor in the URL, as the API accepts for events. */
  cursorCharacters: 8_000,
  /** ms; a second 401 within this stops the hand-off to sign-in, so that it cannot loop. */
  signInLoopMs: 15_000,
  /** ms of quiet typing before the command palette asks for names; shorter, as nothing else changes. */
  palettePauseMs: 120,
  /** Names of each kind that the palette shows. */
  paletteNames: 5,
  /** ms in which the second key of `g n` must come. */
  goKeyMs: 1_500,
  /** ms for which a notice stays; it is held while it has pointer or focus. */
  noticeMs: 8_000,
  /** ms between looks at how far a question about policies is. */
  jobEveryMs: 500,
  /** Names offered by a field that completes. */
  suggestions: 20,
  /** Events read at once for a file, and in all; more is the lake's work. */
  exportPageEvents: 1_000,
  exportEvents: 20_000,
  /** ms around an event that count as near it. */
  nearEventMs: 5 * 60_000,
  /** Rows a page of who may reach what. */
  reachRows: 25,
  /** ms of quiet typing before a policy's text is checked in place. */
  policyCheckPauseMs: 700,
  /** Faults listed below the editor. */
  editorFaults: 8,
  /** Lines of a policy that are compared; beyond, only that it changed is said. */
  /** Characters of a policy text, as the API accepts. */
  policyCharacters: 65_536,
} as const
