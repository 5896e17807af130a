import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PermanentError } from '@rondo/kernel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TokenFile, TokenReader } from './token-file.js';

let folder = '';
let now = 0;
const clock = { now: () => now };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokens-'));
  now = 1_000_000;
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the token file', () => {
  it('recognises a token it created and stores only its hash, for nobody else to read', () => {
    const tokens = new TokenFile(folder, clock);
    const { id, token } = tokens.create({ principal: 'alice', roles: ['approver'] });
    expect(tokens.authenticate(`Bearer ${token}`)).toEqual({
      ok: true,
      tokenId: id,
      principal: { id: 'alice', roles: ['approver'] },
    });
    const path = join(folder, 'tokens.json');
    expect(readFileSync(path, 'utf8')).not.toContain(token.slice(6));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new TokenFile(folder, clock).authenticate(`bearer ${token}`).ok).toBe(true);
  });

  it('names why it refuses', () => {
    const tokens = new TokenFile(folder, clock);
    const { token } = tokens.create({ principal: 'a', roles: ['viewer'], expiresAtMs: now + 10 });
    const reason = (header?: string) => {
      const result = tokens.authenticate(header);
      return result.ok ? 'ok' : result.reason;
    };
    expect(reason()).toBe('TOKEN_MISSING');
    expect(reason('Basic abc')).toBe('TOKEN_MALFORMED');
    expect(reason(`Bearer ${token} `)).toBe('TOKEN_MALFORMED');
    expect(reason(`Bearer rondo_${'x'.repeat(43)}`)).toBe('TOKEN_UNKNOWN');
    now += 10;
    expect(reason(`Bearer ${token}`)).toBe('TOKEN_EXPIRED');
  });

  it('refuses a revoked token, also when another process revoked it', () => {
    const tokens = new TokenFile(folder, clock);
    const { id, token } = tokens.create({ principal: 'a', roles: ['viewer'] });
    new TokenFile(folder, clock).revoke(id);
    now += 1001;
    expect(tokens.authenticate(`Bearer ${token}`)).toEqual({ ok: false, reason: 'TOKEN_UNKNOWN' });
    expect(() => tokens.revoke(id)).toThrow(expect.objectContaining({ code: 'not-found' }));
  });

  it('recognises at once what another process created', () => {
    const tokens = new TokenFile(folder, clock);
    tokens.create({ principal: 'a', roles: ['viewer'] });
    const { token } = new TokenFile(folder, clock).create({ principal: 'b', roles: ['viewer'] });
    expect(tokens.authenticate(`Bearer ${token}`)).toMatchObject({ ok: true, principal: { id: 'b' } });
  });

  it('refuses roles and principals that make no sense', () => {
    const tokens = new TokenFile(folder, clock);
    const create = (principal: string, roles: never[]) => () => tokens.create({ principal, roles });
    expect(create('', ['viewer'] as never[])).toThrow('valid principal');
    expect(create('a\nb', ['viewer'] as never[])).toThrow(PermanentError);
    expect(create('a', [])).toThrow('valid roles');
    expect(create('a', ['root'] as never[])).toThrow('valid roles');
    expect(tokens.list()).toEqual([]);
  });

  it('refuses a file that others may read, or that is damaged', () => {
    new TokenFile(folder, clock).create({ principal: 'a', roles: ['viewer'] });
    const path = join(folder, 'tokens.json');
    chmodSync(path, 0o644);
    expect(() => new TokenFile(folder, clock)).toThrow('can be read by others');
    writeFileSync(path, '{"version":1,"tokens":[{"__proto__":{}}]}');
    chmodSync(path, 0o600);
    expect(() => new TokenFile(folder, clock)).toThrow('is not a token file');
  });

  it('keeps one local token and replaces it once it is no longer valid', () => {
    const tokens = new TokenFile(folder, clock);
    const request = { principal: 'local', roles: ['admin'] as const };
    const first = tokens.ensureLocal(request);
    expect(tokens.ensureLocal(request)).toBe(first);
    expect(statSync(join(folder, 'token')).mode & 0o777).toBe(0o600);
    tokens.revoke(tokens.list()[0]!.id);
    const second = tokens.ensureLocal(request);
    expect(second).not.toBe(first);
    expect(tokens.list()).toEqual([{ id: expect.any(String), principal: 'local', roles: ['admin'], createdAtMs: now }]);
  });
});

describe('the token file that every process of an installation reads', () => {
  it('recognises its tokens, sees changes, and is never written', () => {
    const owner = new TokenFile(folder, clock);
    const { token, id } = owner.create({ principal: 'alice', roles: ['viewer'] });
    const path = join(folder, 'tokens.json');
    chmodSync(path, 0o440);
    const reader = new TokenReader(path, clock);
    expect(reader.authenticate(`Bearer ${token}`)).toMatchObject({ ok: true, principal: { id: 'alice' } });
    owner.revoke(id);
    now += 1000;
    expect(reader.authenticate(`Bearer ${token}`)).toEqual({ ok: false, reason: 'TOKEN_UNKNOWN' });
  });

  it('is refused when it is absent, and when other users may read it', () => {
    const path = join(folder, 'tokens.json');
    expect(() => new TokenReader(path, clock)).toThrow(/there is no token file/);
    new TokenFile(folder, clock).create({ principal: 'alice', roles: ['viewer'] });
    chmodSync(path, 0o644);
    expect(() => new TokenReader(path, clock)).toThrow(/can be read by others/);
  });
});
