import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { AccessDeniedSchema } from '@rondo/contracts';
import type { Journal } from '@rondo/journal';
import { messageOf, randomIds, systemClock } from '@rondo/kernel';
import { Authenticator, Sessions, TokenReader, type Denial, type EndedSession } from '@rondo/security';
import type { Logger } from '@rondo/telemetry';

const ENDED = 'ended-session';
const LOOK_MS = 5_000;
const PAGE = 1_000;

/** Who is calling, the same in every process: tokens of one file, sessions signed with one key, refusals in one journal. */
export interface Recognition {
  readonly authenticator: Authenticator;
  readonly sessions: Sessions;
  close(): void;
}

/**
 * @param journal the journal `front-door`, shared by all processes: refusals for the audit, and sessions that were signed out of,
 *   which every process learns within 5 s
 */
export function recognition(options: {
  readonly tokensFile: string;
  readonly sessionKey: string | undefined;
  readonly journal: Journal;
  readonly log: Logger;
}): Recognition {
  const { tokensFile, sessionKey, journal, log } = options;
  const failed = (what: string) => (error: unknown) => log.warn(what, { 'error.message': messageOf(error) });
  const sessions = new Sessions(systemClock, {
    ...(sessionKey !== undefined && { key: sessionKey }),
    onEnded: (ended) => void keepEnded(journal, ended).catch(failed('a sign-out could not be told to other processes')),
  });
  const authenticator = new Authenticator({
    tokens: new TokenReader(tokensFile, systemClock),
    sessions,
    clock: systemClock,
    onDenied: (denial) => void recordDenial(journal, denial).catch(failed('a denial could not be recorded')),
  });
  if (sessionKey === undefined) return { authenticator, sessions, close: () => undefined };
  const look = (): void => void noteEnded(journal, sessions).catch(failed('sign-outs could not be looked up'));
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return { authenticator, sessions, close: () => clearInterval(timer) };
}

async function recordDenial(journal: Journal, { method, principal, reason, atMs }: Denial): Promise<void> {
  const id = randomIds.next();
  const message = create(AccessDeniedSchema, { method, principal, reason, at: timestampFromMs(atMs) });
  await journal.once({ consumer: 'front-door', messageId: id, actor: principal || 'anonymous' }, (unit) =>
    unit.save({ kind: 'denial', id, state: {}, outgoing: [{ schema: AccessDeniedSchema, message, key: 'access' }] }),
  );
}

async function keepEnded(journal: Journal, { id, expiresAtMs }: EndedSession): Promise<void> {
  await journal.once({ consumer: 'front-door', messageId: `sign-out/${id}` }, (unit) =>
    unit.save({ kind: ENDED, id, state: { expiresAtMs }, index: { expiresAtMs } }),
  );
}

/** Those that would have ended last come first, so one page is enough unless thousands sign out within the life of a session. */
async function noteEnded(journal: Journal, sessions: Sessions): Promise<void> {
  const orderBy = { index: 'expiresAtMs', direction: 'desc' } as const;
  let pageToken: string | undefined;
  do {
    const query = { orderBy, limit: PAGE, ...(pageToken !== undefined && { pageToken }) };
    const page = await journal.list<{ readonly expiresAtMs: number }>(ENDED, query);
    const open = page.items.filter(({ state }) => state.expiresAtMs > systemClock.now());
    for (const { id, state } of open) sessions.noteEnded({ id, expiresAtMs: state.expiresAtMs });
    pageToken = open.length === page.items.length ? page.nextPageToken : undefined;
  } while (pageToken !== undefined);
}
