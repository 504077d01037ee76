// What is measured of a user's traffic. Must never be reordered: positions are in snapshots.
export const meterNames = ['hour-in', 'hour-out', 'hour-events', 'day-in', 'day-out'] as const
export const METERS = meterNames.length
