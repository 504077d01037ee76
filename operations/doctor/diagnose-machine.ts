// This machine itself: room on the disk for a folder, file descriptors. Must never write, and never list what is in there.
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { look, type Finding, type HopResult } from './hop.ts'

const LEAST_SHARE = 0.02
const SCARCE_SHARE = 0.1
const FEW_DESCRIPTORS = 4096

export async function diagnoseMachine(folder: string): Promise<readonly HopResult[]> {
  return [await look('machine', () => room(folder)), await look('machine', descriptors)]
}

async function room(folder: string): Promise<Finding> {
  let there = folder
  while (!existsSync(there)) there = dirname(there)
  const { bavail, blocks, bsize } = await statfs(there)
  const share = blocks === 0 ? 1 : bavail / blocks
  const said = `${Math.round((bavail * bsize) / 2 ** 20)} MiB free below ${there} (${Math.round(share * 100)} %)`
  if (share >= SCARCE_SHARE) return { said }
  const advice = 'Make room: a journal that cannot be written denies tenants that require it.'
  return { said, advice, isWarning: share >= LEAST_SHARE }
}

async function descriptors(): Promise<Finding> {
  if (process.platform !== 'linux') return { said: 'file descriptors: not looked at on this system' }
  const most = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
  const said = `${most} file descriptors`
  if (most >= FEW_DESCRIPTORS) return { said }
  return { said, advice: 'Each flow takes two: raise LimitNOFILE of the unit, or ulimit -n.', isWarning: true }
}
