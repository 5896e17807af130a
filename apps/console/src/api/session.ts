/** Whether the API knows who we are. */
export type SessionState = 'unknown' | 'signedIn' | 'signedOut';

let state: SessionState = 'unknown';
const listeners = new Set<() => void>();

/** The one place that knows whether the API accepted our cookie; shaped for `useSyncExternalStore`. */
export const session = {
  get: (): SessionState => state,
  set(next: SessionState): void {
    if (next === state) return;
    state = next;
    for (const listener of listeners) listener();
  },
  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

/**
 * Exchanges a token for the session cookie.
 * @throws Error with a sentence for the person when the token is refused or the server does not answer
 */
export async function signIn(token: string): Promise<void> {
  const response = await fetch('/auth/signin', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: token.trim() }),
  }).catch(() => undefined);
  if (response === undefined) throw new Error('The server does not answer. Is it running?');
  if (response.status === 401 || response.status === 403) throw new Error('The server does not know this token.');
  if (!response.ok) throw new Error(`The server answered ${String(response.status)} ${response.statusText}.`.trim());
  session.set('signedIn');
}
