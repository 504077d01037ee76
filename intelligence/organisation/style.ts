// Two independent ideas of what an organisation is like, so that a detector fitted to one is found out by the other.
export type Style = {
  readonly name: 'office' | 'sprawl'
  readonly appsPerHundred: number
  /** Zipf exponent of how popular apps are. */
  readonly popularity: number
  readonly teamSize: readonly [number, number]
  readonly corporateApps: number
  readonly teamApps: readonly [number, number]
  readonly ownApps: readonly [number, number]
  readonly hasGroups: boolean
  readonly hasDevices: boolean
  readonly hasSessions: boolean
  /** First-ever apps a user and working day, by themselves. */
  readonly noveltyPerDay: number
  /** Where those come from: the team's apps, popular apps, anywhere. */
  readonly noveltyFrom: readonly [team: number, popular: number]
  /** A user and working day: takes up a project, and its apps within hours or days. */
  readonly projectPerDay: number
  readonly projectApps: readonly [number, number]
  readonly onCallShare: number
  readonly movesPerDay: number
  readonly joinersPerDay: number
  readonly leaversPerDay: number
  readonly holidayPerDay: number
  readonly travelPerDay: number
  readonly roamShare: number
  readonly sharedEgressShare: number
  readonly deniedShare: number
  readonly failedSignIns: number
  readonly accessesPerDay: number
}

export const styles: Readonly<Record<Style['name'], Style>> = {
  office: {
    name: 'office',
    appsPerHundred: 12,
    popularity: 0.9,
    teamSize: [6, 24],
    corporateApps: 7,
    teamApps: [5, 10],
    ownApps: [1, 4],
    hasGroups: true,
    hasDevices: true,
    hasSessions: true,
    noveltyPerDay: 0.05,
    noveltyFrom: [0.5, 0.3],
    projectPerDay: 0.004,
    projectApps: [2, 5],
    onCallShare: 0.04,
    movesPerDay: 0.0006,
    joinersPerDay: 0.0008,
    leaversPerDay: 0.0006,
    holidayPerDay: 0.008,
    travelPerDay: 0.008,
    roamShare: 0.12,
    sharedEgressShare: 0.6,
    deniedShare: 0.03,
    failedSignIns: 0.04,
    accessesPerDay: 14,
  },
  sprawl: {
    name: 'sprawl',
    appsPerHundred: 30,
    popularity: 1.3,
    teamSize: [3, 60],
    corporateApps: 3,
    teamApps: [2, 14],
    ownApps: [3, 12],
    hasGroups: false,
    hasDevices: true,
    hasSessions: false,
    noveltyPerDay: 0.16,
    noveltyFrom: [0.3, 0.3],
    projectPerDay: 0.01,
    projectApps: [2, 6],
    onCallShare: 0.08,
    movesPerDay: 0.0015,
    joinersPerDay: 0.002,
    leaversPerDay: 0.0015,
    holidayPerDay: 0.012,
    travelPerDay: 0.015,
    roamShare: 0.35,
    sharedEgressShare: 0.25,
    deniedShare: 0.06,
    failedSignIns: 0.08,
    accessesPerDay: 10,
  },
}
