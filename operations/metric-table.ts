// Every metric of every part: its name, what it means, which labels it may carry and how many values each. What is not
// here is not exposed. Must never hold a label whose values strangers choose.
export type Family = {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Label → the most values it takes. */
  readonly labels?: Readonly<Record<string, number>>
  readonly part: 'every part' | 'exchange' | 'control' | 'connector' | 'agent'
  /** Not shown by every part at all times, and why. */
  readonly only?: string
}

const exchange = { part: 'exchange' } as const
const control = { part: 'control' } as const
const connector = { part: 'connector' } as const
const agent = { part: 'agent' } as const
const every = { part: 'every part' } as const

export const metricTable = {
  sallyport_build_info: {
    ...every,
    type: 'gauge',
    help: 'Always 1; which part this is, and its version.',
    labels: { part: 5, version: 1 },
  },
  sallyport_ready: { ...every, type: 'gauge', help: '1 when /readyz says yes.' },
  sallyport_not_ready_reasons: { ...every, type: 'gauge', help: 'How many reasons /readyz gives for no.' },
  process_cpu_seconds_total: { ...every, type: 'counter', help: 'CPU time of the process, all threads.' },
  process_resident_memory_bytes: { ...every, type: 'gauge', help: 'Memory of the process, all threads.' },
  process_start_time_seconds: { ...every, type: 'gauge', help: 'Unix time of the start.' },
  process_open_fds: { ...every, type: 'gauge', help: 'Open file descriptors.', only: 'Linux' },
  process_max_fds: { ...every, type: 'gauge', help: 'Limit of open file descriptors.', only: 'Linux' },
  sallyport_event_loop_lag_seconds: {
    ...every,
    type: 'gauge',
    help: 'Longest the event loop was held up since the last scrape.',
  },
  sallyport_trace_spans_sent_total: {
    ...every,
    type: 'counter',
    help: 'Spans that the collector took.',
    only: 'with --traces',
  },
  sallyport_trace_spans_dropped_total: {
    ...every,
    type: 'counter',
    help: 'Spans lost: the queue was full, or the collector away.',
    only: 'with --traces',
  },

  sallyport_exchange_connections: { ...exchange, type: 'gauge', help: 'Sockets at the public port.' },
  sallyport_exchange_live_flows: { ...exchange, type: 'gauge', help: 'Flows that live now.' },
  sallyport_exchange_parked_sockets: { ...exchange, type: 'gauge', help: 'Sockets of connectors that wait.' },
  sallyport_exchange_connector_links: { ...exchange, type: 'gauge', help: 'Connectors linked.' },
  sallyport_exchange_tenants: { ...exchange, type: 'gauge', help: 'Tenants served.' },
  sallyport_exchange_feed_connected: { ...exchange, type: 'gauge', help: '1 while control is heard.' },
  sallyport_exchange_connections_refused_total: {
    ...exchange,
    type: 'counter',
    help: 'Turned away at a door before there was anything to decide.',
  },
  sallyport_exchange_denied_total: { ...exchange, type: 'counter', help: 'Decisions that said no.' },
  sallyport_exchange_flows_total: { ...exchange, type: 'counter', help: 'Flows opened.' },
  sallyport_exchange_requests_total: { ...exchange, type: 'counter', help: 'Requests decided one by one.' },
  sallyport_exchange_cut_total: { ...exchange, type: 'counter', help: 'Flows cut because their permission ended.' },
  sallyport_exchange_events_lost_total: {
    ...exchange,
    type: 'counter',
    help: 'Events that could not be written to the journal.',
  },
  sallyport_exchange_web_intercepted_total: { ...exchange, type: 'counter', help: 'Internet connections looked into.' },
  sallyport_exchange_web_passed_total: { ...exchange, type: 'counter', help: 'Internet connections passed by rule.' },
  sallyport_exchange_hop_seconds: {
    ...exchange,
    type: 'histogram',
    help: 'Time at each hop of flows and requests that came through to their app.',
    labels: { hop: 8, kind: 2 },
    only: 'once the first flow has come through',
  },
  sallyport_exchange_tenant_live_flows: {
    ...exchange,
    type: 'gauge',
    help: 'Live flows of each tenant by name; the busiest 200, the rest as "other tenants".',
    labels: { tenant: 201 },
    only: 'with --metrics-tenants',
  },

  sallyport_control_requests_total: {
    ...control,
    type: 'counter',
    help: 'Answers given, by surface and class of status.',
    labels: { surface: 4, status: 5 },
  },
  sallyport_control_request_seconds: {
    ...control,
    type: 'histogram',
    help: 'Time to the end of an answer; event streams are left out.',
    labels: { surface: 4 },
  },
  sallyport_control_exchanges: { ...control, type: 'gauge', help: 'Exchanges enrolled and not revoked.' },
  sallyport_control_exchanges_connected: { ...control, type: 'gauge', help: 'Exchanges on the feed.' },
  sallyport_control_connectors_connected: { ...control, type: 'gauge', help: 'Connectors linked, over all tenants.' },
  sallyport_control_tenants: { ...control, type: 'gauge', help: 'Active tenants.' },
  sallyport_control_store_seconds: { ...control, type: 'gauge', help: 'Time of one small question to the store.' },
  sallyport_certificate_expiry_timestamp_seconds: {
    ...control,
    type: 'gauge',
    help: 'When the certificate of a public name ends, Unix time.',
    labels: { name: 1000 },
    only: 'with certificates from files or ACME',
  },
  sallyport_certificate_failures: {
    ...control,
    type: 'gauge',
    help: 'Failed attempts in a row to get or read the certificate of a public name.',
    labels: { name: 1000 },
    only: 'with certificates from files or ACME',
  },

  sallyport_connector_links: { ...connector, type: 'gauge', help: 'Exchanges linked to.' },
  sallyport_connector_parked_sockets: { ...connector, type: 'gauge', help: 'Sockets that wait at exchanges.' },
  sallyport_connector_live_flows: { ...connector, type: 'gauge', help: 'Flows that live now.' },
  sallyport_connector_flows_total: { ...connector, type: 'counter', help: 'Flows opened.' },
  sallyport_connector_flows_failed_total: { ...connector, type: 'counter', help: 'Flows that failed to open.' },
  sallyport_connector_offers_refused_total: { ...connector, type: 'counter', help: 'Offers of exchanges refused.' },
  sallyport_connector_slices_refused_total: { ...connector, type: 'counter', help: 'Slices refused.' },
  sallyport_connector_bytes_total: {
    ...connector,
    type: 'counter',
    help: 'Bytes of ended flows, from people and from apps.',
    labels: { from: 2 },
  },

  sallyport_agent_tenants: { ...agent, type: 'gauge', help: 'Tenants signed in to.' },
  sallyport_agent_tenants_connected: { ...agent, type: 'gauge', help: 'Tenants whose exchange answers.' },
  sallyport_agent_live_flows: { ...agent, type: 'gauge', help: 'Connections through the doors now.' },
  sallyport_agent_session_expiry_timestamp_seconds: {
    ...agent,
    type: 'gauge',
    help: 'When the first of the sessions ends, Unix time.',
    only: 'while signed in',
  },
} as const satisfies Readonly<Record<string, Family>>

export type MetricName = keyof typeof metricTable
