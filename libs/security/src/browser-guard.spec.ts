import { describe, expect, it } from '@jest/globals';
import { guardBrowser } from './browser-guard.js';

const guard = (method: string, headers: Record<string, string>, hosts?: string[]) => () =>
  guardBrowser({ method, headers: { host: 'localhost:4700', ...headers } }, hosts);
const refused = (reason: string) =>
  expect.objectContaining({ code: 'denied', detail: expect.objectContaining({ reason }) });
const cookie = `rondo_session=${'a'.repeat(43)}`;

describe('the browser guard', () => {
  it('answers to loopback names and configured ones only, so that rebinding a name to 127.0.0.1 gains nothing', () => {
    for (const host of ['localhost', '127.0.0.1:4700', '[::1]:4700', 'LOCALHOST:1'])
      expect(guard('GET', { host })).not.toThrow();
    for (const host of ['evil.example', '', 'localhost.evil.example', '127.0.0.1.nip.io:4700']) {
      expect(guard('GET', { host })).toThrow(refused('HOST_UNKNOWN'));
    }
    expect(guard('GET', { host: 'rondo.corp:443' }, ['rondo.corp'])).not.toThrow();
  });

  it('refuses changes that another site asks for', () => {
    expect(guard('POST', { origin: 'http://evil.example' })).toThrow(refused('CROSS_ORIGIN'));
    expect(guard('POST', { origin: 'http://localhost:9999' })).toThrow(refused('CROSS_ORIGIN'));
    expect(guard('POST', { origin: 'null', cookie })).toThrow(refused('CROSS_ORIGIN'));
    expect(guard('POST', { 'sec-fetch-site': 'cross-site', cookie })).toThrow(refused('CROSS_ORIGIN'));
    expect(guard('POST', { 'sec-fetch-site': 'same-site', cookie })).toThrow(refused('CROSS_ORIGIN'));
    expect(guard('DELETE', { cookie })).toThrow(refused('CROSS_ORIGIN'));
  });

  it('lets our own page, programs with a token and readers through', () => {
    expect(guard('POST', { origin: 'http://localhost:4700', 'sec-fetch-site': 'same-origin', cookie })).not.toThrow();
    expect(guard('POST', { authorization: 'Bearer x' })).not.toThrow();
    expect(guard('GET', { 'sec-fetch-site': 'cross-site' })).not.toThrow();
  });
});
