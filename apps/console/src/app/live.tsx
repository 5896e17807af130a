import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useState, type ReactNode } from 'react';
import { concerns, parseLiveEvent, type LiveEvent } from './live-events.js';

/** Connection to the stream of changes. */
export interface LiveState {
  readonly status: 'connecting' | 'live' | 'stale' | 'paused';
  /** When the last change or connection was seen. */
  readonly lastSeenMs: number;
  readonly changes: number;
  readonly paused: boolean;
  setPaused(paused: boolean): void;
  reconnect(): void;
}

const LiveContext = createContext<LiveState | undefined>(undefined);

/** Changes arriving together are applied together, so a busy rollout does not repaint the page on every message. */
const BATCH_MS = 400;

function applyTo(client: QueryClient, events: readonly LiveEvent[]): void {
  void client.invalidateQueries({ predicate: (query) => events.some((event) => concerns(query.queryKey, event)) });
}

/** Opens the stream and calls back; returns the way to close it. */
function openStream(client: QueryClient, onStatus: (live: boolean) => void, onChange: (n: number) => void): () => void {
  const source = new EventSource('/v1/stream');
  let waiting: LiveEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lost = false;
  const flush = (): void => {
    timer = undefined;
    applyTo(client, waiting);
    onChange(waiting.length);
    waiting = [];
  };
  source.onopen = () => {
    onStatus(true);
    // What happened while we were away is unknown, so everything on the page is read again.
    if (lost) void client.invalidateQueries();
    lost = false;
  };
  source.onerror = () => {
    lost = true;
    onStatus(false);
  };
  source.onmessage = (message: MessageEvent<string>) => {
    const event = parseLiveEvent(message.data, message.type);
    if (event === undefined) return;
    waiting.push(event);
    timer ??= setTimeout(flush, BATCH_MS);
  };
  return () => {
    clearTimeout(timer);
    source.close();
  };
}

/** Keeps every page current while mounted; one stream per tab. */
export function LiveProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const client = useQueryClient();
  const [paused, setPaused] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [connection, setConnection] = useState<'connecting' | 'live' | 'stale'>('connecting');
  const [seen, setSeen] = useState(() => ({ lastSeenMs: Date.now(), changes: 0 }));
  useEffect(() => {
    if (paused) return undefined;
    if (attempt > 0) void client.invalidateQueries();
    return openStream(
      client,
      (live) => {
        setConnection(live ? 'live' : 'stale');
        if (live) setSeen((old) => ({ ...old, lastSeenMs: Date.now() }));
      },
      (n) => setSeen((old) => ({ lastSeenMs: Date.now(), changes: old.changes + n })),
    );
  }, [client, paused, attempt]);
  const state = useMemo<LiveState>(
    () => ({
      status: paused ? 'paused' : connection,
      ...seen,
      paused,
      setPaused: (next) => {
        setPaused(next);
        if (!next) setAttempt((n) => n + 1);
      },
      reconnect: () => setAttempt((n) => n + 1),
    }),
    [paused, connection, seen],
  );
  return <LiveContext value={state}>{children}</LiveContext>;
}

/** The live connection of this tab. */
export function useLive(): LiveState {
  const state = useContext(LiveContext);
  if (state === undefined) throw new Error('useLive needs a LiveProvider');
  return state;
}
