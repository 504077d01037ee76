import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appCookie, cookieValue, HOST_COOKIE, withoutOurCookies } from './cookies.ts'

test('a cookie that is there twice counts as none', () => {
  assert.equal(cookieValue('a=1; __Host-sallyport=x', HOST_COOKIE), 'x')
  assert.equal(cookieValue('__Host-sallyport=x; __Host-sallyport=y', HOST_COOKIE), undefined)
  assert.equal(cookieValue(undefined, HOST_COOKIE), undefined)
})

test('our cookies never reach an app, whatever their spelling', () => {
  assert.equal(withoutOurCookies('a=1; __Host-sallyport=x; b=2'), 'a=1; b=2')
  assert.equal(withoutOurCookies('__HOST-SALLYPORT=x; __Host-sallyport-nonce=y'), undefined)
  assert.equal(withoutOurCookies('=__Host-sallyport=x'), undefined)
})

test('an app cannot set a cookie of ours', () => {
  for (const name of [
    '__Host-sallyport',
    '__host-sallyport',
    '__Host-sallyport-nonce',
    ' __Host-sallyport',
    '=__Host-sallyport',
  ]) {
    assert.equal(appCookie(`${name}=x; Path=/; Secure`), undefined, name)
  }
})

test('an app cannot set a cookie for its siblings', () => {
  assert.equal(appCookie('a=1; Domain=acme.apps.test; Path=/'), 'a=1; Path=/')
  assert.equal(appCookie('a=1; DOMAIN = .test;Path=/'), 'a=1;Path=/')
  assert.equal(appCookie('a=1; domain'), 'a=1')
})
