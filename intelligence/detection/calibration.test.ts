import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chanceOf } from '#intelligence/organisation/random.ts'
import { learnPeak, newCalibration, thresholdOf } from './calibration.ts'

test('a threshold for one in ten thousand is reached by about that many', () => {
  const chance = chanceOf(5)
  const peak = (): number => -0.45 * Math.log(1 - chance.next())
  const calibration = newCalibration()
  for (let each = 0; each < 30_000; each++) learnPeak(calibration, 1, peak())
  const threshold = thresholdOf(calibration, 1e-4, 1)
  let above = 0
  for (let each = 0; each < 200_000; each++) if (peak() >= threshold) above++
  assert.ok(above <= 30, `${above} of 20 expected`)
  assert.ok(above >= 1, 'the threshold is far too high')
})

test('two great scores, an attack or a poisoner, move the threshold by little', () => {
  const [clean, poisoned] = [newCalibration(), newCalibration()]
  const chance = chanceOf(6)
  for (let each = 0; each < 30_000; each++) {
    const peak = -0.45 * Math.log(1 - chance.next())
    learnPeak(clean, 1, peak)
    learnPeak(poisoned, 1, each < 2 ? 12 : peak)
  }
  assert.ok(thresholdOf(poisoned, 1e-4, 1) < thresholdOf(clean, 1e-4, 1) + 0.6)
})

test('where little was seen, the floor holds', () => {
  assert.ok(thresholdOf(newCalibration(), 1e-4, 4) >= 4)
  const calibration = newCalibration()
  for (let each = 0; each < 1000; each++) learnPeak(calibration, 1, 0)
  assert.equal(thresholdOf(calibration, 1e-4, 4), 4)
})
