// HOT: the hashed n-grams of a URL, part by part, so that `login` in a host and in a path are two different things.
// Must give the same buckets at training and at scoring: any change here asks for a new training.
import type { Address } from './address.ts'

export const bucketBits = 17
export const buckets = 1 << bucketBits

/** A reused list of bucket numbers; valid until the next call. */
export type Grams = { readonly host: Uint32Array; hostCount: number; readonly path: Uint32Array; pathCount: number }

export function newGrams(): Grams {
  return { host: new Uint32Array(1200), hostCount: 0, path: new Uint32Array(2400), pathCount: 0 }
}

export function hashGrams(address: Address, into: Grams): void {
  into.hostCount = 0
  into.pathCount = 0
  hostGrams(`^${address.label}$`, 0x51, into)
  for (const label of address.subdomains.slice(-4)) hostGrams(`^${label}$`, 0x52, into)
  addHost(into, hashText(address.suffix, 0x53))
  addHost(into, hashText(address.topLevel, 0x54))
  const path = address.path.toLowerCase().slice(0, 160)
  for (const segment of path.split('/').slice(0, 8)) pathGrams(segment, 0x61, into)
  const dot = path.lastIndexOf('.')
  if (dot > 0 && path.length - dot < 7) addPath(into, hashText(path.slice(dot), 0x62))
  for (const pair of address.query.toLowerCase().slice(0, 160).split('&').slice(0, 8)) {
    const key = pair.split('=')[0] ?? ''
    if (key.length <= 20) addPath(into, hashText(key.replace(/\d/g, '0'), 0x63))
  }
}

function hostGrams(text: string, salt: number, into: Grams): void {
  for (let size = 3; size <= 5; size++)
    for (let at = 0; at + size <= text.length && at < 70; at++) addHost(into, hashSlice(text, at, size, salt))
}

function pathGrams(segment: string, salt: number, into: Grams): void {
  const text = `/${segment}/`
  for (let size = 3; size <= 5; size++)
    for (let at = 0; at + size <= text.length && at < 90; at++) addPath(into, hashSlice(text, at, size, salt))
  for (const word of segment.split(/[^a-z0-9]+/)) if (word.length > 2) addPath(into, hashText(word, salt + 0x20))
}

function addHost(into: Grams, bucket: number): void {
  if (into.hostCount < into.host.length) into.host[into.hostCount++] = bucket
}
function addPath(into: Grams, bucket: number): void {
  if (into.pathCount < into.path.length) into.path[into.pathCount++] = bucket
}

function hashSlice(text: string, from: number, size: number, salt: number): number {
  let hash = Math.imul(salt ^ 0x9e3779b9, 0x85ebca6b) ^ size
  for (let at = from; at < from + size; at++) {
    const code = text.charCodeAt(at)
    // Digits are all alike: which digit it was is memory, not knowledge.
    hash = Math.imul(hash ^ (code >= 48 && code <= 57 ? 48 : code), 0x01000193)
    hash ^= hash >>> 15
  }
  return finish(hash)
}
function hashText(text: string, salt: number): number {
  return hashSlice(text, 0, Math.min(text.length, 40), salt)
}
function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> (32 - bucketBits)
}
