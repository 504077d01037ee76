// Line icons, 16 by 16, drawn here so that nothing is loaded. Decoration only: the word beside them carries the meaning.
import type { ReactNode } from 'react'

const paths = {
  now: 'M2 8h3l2-5 3 10 2-5h2',
  apps: 'M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z',
  connectors: 'M6 2v3M10 2v3M4 5h8v3a4 4 0 0 1-8 0zM8 12v2.5',
  policies: 'M4 1.5h5.5L13 5v9.5H4zM6 8h5M6 11h5',
  explain:
    'M8 14.5a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zM6.2 6.2c.2-1 .9-1.6 1.9-1.6 1.1 0 1.9.7 1.9 1.7 0 1.5-2 1.5-2 3M8 11.400v.1',
  people:
    'M6 8a2.75 2.75 0 1 0 0-5.500A2.75 2.75 0 0 0 6 8zM1.5 13.500c0-2.2 2-3.5 4.5-3.500s4.5 1.3 4.5 3.500M11 7.800a2.4 2.4 0 0 0 0-4.700M12.3 10.200c1.4.4 2.2 1.5 2.2 3.3',
  devices: 'M2.5 3h11v8h-11zM1 13.500h14',
  sessions: 'M8 14.500a6.5 6.5 0 1 1 0-13 6.5 6.5 0 0 1 0 13zM8 4.500V8l2.5 1.5',
  thirdParties: 'M2 14V5l5-3v12M7 6.500h7V14M1 14h14M4.5 7v.1M4.5 10v.1M10.5 9.500v.1',
  stories: 'M8 1.5v3M8 11.500v3M1.500 8h3M11.500 8h3M8 5.500a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z',
  incidents: 'M8 2l6.5 11.500h-13zM8 6.500v3.500M8 11.600v.400',
  drills: 'M3 2v12M3 2.500h9l-2 3 2 3H3',
  events: 'M2 4h12M2 8h12M2 12h8',
  settings: 'M2 4.500h7M12 4.500h2M10.5 3v3M2 11.500h2M7 11.500h7M5.5 10v3',
  tenants: 'M8 1.5 14.5 5 8 8.5 1.5 5zM2 8.2 8 11.500l6-3.300M2 11.2 8 14.500l6-3.3',
  exchanges: 'M4.5 2v4M4.5 10v4M11.5 2v4M11.5 10v4M1 8h14',
  menu: 'M2 4.500h12M2 8h12M2 11.500h12',
  close: 'M4 4l8 8M12 4l-8 8',
  warn: 'M8 2 15 14H1zM8 6.500v3.500M8 12v.1',
  check: 'M3 8.5 6.5 12 13 4.5',
  copy: 'M5.5 5.500h8v8h-8zM10.5 5.500v-3h-8v8h3',
  out: 'M6 3H3v10h10v-3M9 2.500h4.500V7M13.5 2.5 7.5 8.5',
  plus: 'M8 3v10M3 8h10',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.6 10.6 14 14',
  keyboard: 'M1.500 4h13v8h-13zM4 6.7v.1M6.700 6.700v.1M9.3 6.700v.1M12 6.700v.1M5 9.500h6',
  internet:
    'M8 14.500a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM1.500 8h13M8 1.500c2 2 2.600 4 2.600 6.500S10 12.500 8 14.500C6 12.500 5.400 10.500 5.400 8S6 3.500 8 1.500z',
  undo: 'M5.500 3 2.500 6l3 3M2.500 6H10a3.500 3.500 0 0 1 0 7H6',
  download: 'M8 2v8M4.700 7 8 10.300 11.300 7M2.500 13.500h11',
  filter: 'M2 3.500h12l-4.500 5.500v4l-3 1.500v-5.500z',
  shield: 'M8 1.500 13.500 3.500v4c0 3.500-2.300 5.700-5.500 7-3.200-1.300-5.500-3.500-5.500-7v-4z',
} as const
export type IconName = keyof typeof paths

export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" aria-hidden="true">
      <path d={paths[name]} stroke="currentColor" strokeWidth="1.4" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  )
}

export function Mark({ size = 26 }: { readonly size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#2353c4" />
      <path d="M10 7v6M10 19v6M22 7v6M22 19v6" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
      <path d="M5 16h22" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" strokeDasharray="0.1 4.3" />
    </svg>
  )
}
