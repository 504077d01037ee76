// Chat services, by host and path, and where in a request's JSON the texts of a person or program lie. A path is names with dots;
// `*` is every element. Hosts of services that companies run themselves are matched by path alone.
export type PromptMatcher = {
  readonly service: string
  readonly host: RegExp | null
  readonly path: RegExp
  readonly model: string | null
  /** Where texts lie, and the key beside them that names the role, if any. */
  readonly texts: readonly { readonly at: string; readonly role: string | null; readonly as: string }[]
}

const chat = [
  { at: 'messages.*.content', role: 'role', as: 'user' },
  { at: 'messages.*.content.*.text', role: null, as: 'user' },
] as const

export const promptMatchers: readonly PromptMatcher[] = [
  {
    service: 'openai-responses',
    host: /(?:^|\.)openai\.com$|\.openai\.azure\.com$/,
    path: /\/v1\/responses$|\/openai\/(?:v1\/)?responses$/,
    model: 'model',
    texts: [
      { at: 'instructions', role: null, as: 'system' },
      { at: 'input', role: null, as: 'user' },
      { at: 'input.*.content', role: 'role', as: 'user' },
      { at: 'input.*.content.*.text', role: null, as: 'user' },
    ],
  },
  {
    service: 'azure-openai',
    host: /\.(?:openai|cognitiveservices)\.azure\.com$/,
    path: /\/chat\/completions$/,
    model: 'model',
    texts: chat,
  },
  {
    service: 'openai-completions',
    host: /(?:^|\.)openai\.com$/,
    path: /\/v1\/completions$/,
    model: 'model',
    texts: [
      { at: 'prompt', role: null, as: 'user' },
      { at: 'prompt.*', role: null, as: 'user' },
    ],
  },
  {
    service: 'chatgpt',
    host: /(?:^|\.)chatgpt\.com$|^chat\.openai\.com$/,
    path: /\/conversation$/,
    model: 'model',
    texts: [{ at: 'messages.*.content.parts.*', role: null, as: 'user' }],
  },
  {
    service: 'anthropic-messages',
    host: /(?:^|\.)anthropic\.com$/,
    path: /\/v1\/(?:messages|complete)$/,
    model: 'model',
    texts: [
      { at: 'system', role: null, as: 'system' },
      { at: 'system.*.text', role: null, as: 'system' },
      { at: 'prompt', role: null, as: 'user' },
      ...chat,
    ],
  },
  {
    service: 'claude',
    host: /(?:^|\.)claude\.ai$/,
    path: /\/(?:completion|append_message)$/,
    model: 'model',
    texts: [
      { at: 'prompt', role: null, as: 'user' },
      { at: 'attachments.*.extracted_content', role: null, as: 'attachment' },
    ],
  },
  {
    service: 'google-gemini',
    host: /(?:^|\.)(?:generativelanguage|aiplatform)\.googleapis\.com$|-aiplatform\.googleapis\.com$/,
    path: /:(?:generateContent|streamGenerateContent|countTokens)$/,
    model: null,
    texts: [
      { at: 'contents.*.parts.*.text', role: null, as: 'user' },
      { at: 'systemInstruction.parts.*.text', role: null, as: 'system' },
      { at: 'system_instruction.parts.*.text', role: null, as: 'system' },
    ],
  },
  {
    service: 'mistral',
    host: /(?:^|\.)mistral\.ai$/,
    path: /\/v1\/(?:chat|fim|agents)\/completions$/,
    model: 'model',
    texts: [...chat, { at: 'prompt', role: null, as: 'user' }, { at: 'suffix', role: null, as: 'user' }],
  },
  {
    service: 'cohere',
    host: /(?:^|\.)cohere\.(?:ai|com)$/,
    path: /\/v[12]\/(?:chat|generate)$/,
    model: 'model',
    texts: [
      { at: 'message', role: null, as: 'user' },
      { at: 'preamble', role: null, as: 'system' },
      { at: 'prompt', role: null, as: 'user' },
      { at: 'chat_history.*.message', role: 'role', as: 'user' },
      { at: 'documents.*.snippet', role: null, as: 'attachment' },
      ...chat,
    ],
  },
  {
    service: 'bedrock',
    host: /^bedrock-runtime\.[a-z0-9-]+\.amazonaws\.com$/,
    path: /\/model\/[^/]+\/(?:invoke|invoke-with-response-stream|converse|converse-stream)$/,
    model: null,
    texts: [
      ...chat,
      { at: 'system', role: null, as: 'system' },
      { at: 'system.*.text', role: null, as: 'system' },
      { at: 'prompt', role: null, as: 'user' },
      { at: 'inputText', role: null, as: 'user' },
    ],
  },
  {
    service: 'huggingface',
    host: /(?:^|\.)huggingface\.co$/,
    path: /\/models\/|\/generate$/,
    model: null,
    texts: [{ at: 'inputs', role: null, as: 'user' }, { at: 'inputs.*', role: null, as: 'user' }, ...chat],
  },
  // The form that most others copy, and servers that people run themselves: told by the path.
  {
    service: 'ollama',
    host: null,
    path: /^\/api\/(?:chat|generate)$/,
    model: 'model',
    texts: [{ at: 'prompt', role: null, as: 'user' }, { at: 'system', role: null, as: 'system' }, ...chat],
  },
  { service: 'openai-chat', host: null, path: /\/chat\/completions$/, model: 'model', texts: chat },
]
