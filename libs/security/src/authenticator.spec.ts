import { describe, expect, it } from '@jest/globals';
import { Authenticator, type Denial } from './authenticator.js';
import { authorize, GRANTS, isAllowed, ROLES } from './authorize.js';
import { FailureLimiter } from './failure-limiter.js';
import { Sessions, type EndedSession } from './sessions.js';
import type { RoleName } from './ports.js';

const setup = () => {
  const time = { now: 0 };
  const clock = { now: () => time.now };
  const denials: Denial[] = [];
  const sessions = new Sessions(clock, { sessionMs: 1000, signInMs: 100 });
  const tokens = {
    authenticate: (header: string | undefined) =>
      header === 'Bearer good'
        ? ({ ok: true, tokenId: '1', principal: { id: 'bot', roles: ['operator'] } } as const)
        : ({ ok: false, reason: header === undefined ? 'TOKEN_MISSING' : 'TOKEN_UNKNOWN' } as const),
  };
  const authenticator = new Authenticator({ tokens, sessions, clock, onDenied: (denial) => denials.push(denial) });
  return { clock, time, sessions, denials, authenticator };
};
const from = (authorization?: string, cookie?: string) => ({ authorization, cookie, remoteAddress: '127.0.0.1' });

describe('the authenticator', () => {
  it('accepts a token, or the cookie of a live session', () => {
    const { authenticator, sessions, time } = setup();
    expect(authenticator.authenticate(from('Bearer good'), 'm').id).toBe('bot');
    const secret = sessions.open({ id: 'alice', roles: ['viewer'] });
    const cookie = `a=b; rondo_session=${secret}; c=d`;
    expect(authenticator.authenticate(from(undefined, cookie), 'm').id).toBe('alice');
    time.now = 1000;
    expect(() => authenticator.authenticate(from(undefined, cookie), 'm')).toThrow(
      expect.objectContaining({
        code: 'unauthenticated',
        detail: expect.objectContaining({ reason: 'SESSION_UNKNOWN' }),
      }),
    );
  });

  it('tells the audit of each refusal, but not of a flood, and still lets a valid token in', () => {
    const { authenticator, denials, time } = setup();
    const codes = Array.from({ length: 15 }, () => {
      try {
        authenticator.authenticate(from('Bearer bad'), 'S/M');
        return 'ok';
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(10);
    expect(codes.slice(10)).toEqual(Array(5).fill('exhausted'));
    expect(denials).toHaveLength(10);
    expect(denials[0]).toEqual({ method: 'S/M', principal: '', reason: 'TOKEN_UNKNOWN', atMs: 0 });
    expect(authenticator.authenticate(from('Bearer good'), 'm').id).toBe('bot');
    time.now = 60_000;
    expect(() => authenticator.authenticate(from('Bearer bad'), 'm')).toThrow(
      expect.objectContaining({ code: 'unauthenticated' }),
    );
  });

  it('opens one session per sign-in token', () => {
    const { sessions, time } = setup();
    const token = sessions.createSignIn({ id: 'alice', roles: ['admin'] });
    const session = sessions.exchange(token)!;
    expect(sessions.find(session)).toEqual({ id: 'alice', roles: ['admin'] });
    expect(sessions.exchange(token)).toBeUndefined();
    const late = sessions.createSignIn({ id: 'alice', roles: ['admin'] });
    time.now = 100;
    expect(sessions.exchange(late)).toBeUndefined();
    sessions.end(session);
    expect(sessions.find(session)).toBeUndefined();
  });

  it('knows the sessions of a process with the same key, and no others', () => {
    const { clock } = setup();
    const key = 'k'.repeat(32);
    const ended: EndedSession[] = [];
    const [one, two] = [
      new Sessions(clock, { key, onEnded: (session) => ended.push(session) }),
      new Sessions(clock, { key }),
    ];
    const session = one.open({ id: 'alice', roles: ['viewer'] });
    expect(two.find(session)).toEqual({ id: 'alice', roles: ['viewer'] });
    expect(new Sessions(clock).find(session)).toBeUndefined();
    one.end(session);
    expect(one.find(session)).toBeUndefined();
    expect(two.find(session)).toBeDefined();
    two.noteEnded(ended[0]!);
    expect(two.find(session)).toBeUndefined();
  });

  it('refuses a session of which one character was changed', () => {
    const { sessions } = setup();
    const session = sessions.open({ id: 'alice', roles: ['viewer'] });
    const [statement = '', signature] = session.split('.');
    const admin = Buffer.from(Buffer.from(statement, 'base64url').toString().replace('viewer', 'admin'));
    for (const forged of [`${admin.toString('base64url')}.${signature}`, `${statement}.`, statement, '', '.', 'a.b.c'])
      expect(sessions.find(forged)).toBeUndefined();
  });
});

describe('authorisation', () => {
  it('follows the table of roles', () => {
    const allowed = Object.fromEntries(
      ROLES.map((role) => [role, ROLES.filter((need) => isAllowed({ id: 'x', roles: [role] }, need))]),
    );
    expect(allowed).toEqual({
      viewer: ['viewer'],
      annotator: ['viewer', 'annotator'],
      approver: ['viewer', 'approver'],
      operator: ['viewer', 'operator'],
      producer: ['producer'],
      admin: ['viewer', 'annotator', 'approver', 'operator', 'producer', 'admin'],
    });
    expect(Object.keys(GRANTS)).toHaveLength(6);
  });

  it('names the role that is missing and never trusts an unknown one', () => {
    expect(() => authorize({ id: 'bob', roles: ['operator'] }, 'approver', 'ApprovalService/Vote')).toThrow(
      'bob may not call ApprovalService/Vote: it needs the role approver or admin',
    );
    expect(isAllowed({ id: 'x', roles: ['constructor' as RoleName] }, 'viewer')).toBe(false);
    expect(isAllowed({ id: 'x', roles: [] }, 'viewer')).toBe(false);
  });
});

describe('the failure limiter', () => {
  it('counts per key and starts afresh after the window', () => {
    let now = 0;
    const limiter = new FailureLimiter({ now: () => now }, { failuresMax: 2, windowMs: 100 });
    expect([limiter.note('a'), limiter.note('a'), limiter.note('a'), limiter.note('b')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect(limiter.waitMs('a')).toBe(100);
    now = 100;
    expect(limiter.waitMs('a')).toBe(0);
    expect(limiter.note('a')).toBe(true);
  });
});
