import { useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from 'react';
import { reads } from '../api/queries.js';
import { session } from '../api/session.js';
import { formatAbsolute } from '../model/format.js';
import { Icon, type IconName } from '../ui/icons.js';
import { Loading, PartBoundary } from '../ui/states.js';
import { LiveProvider, useLive } from './live.js';
import { Shortcuts } from './shortcuts.js';

// Neither is needed for the first paint of a page.
const SignIn = lazy(async () => ({ default: (await import('./sign-in.js')).SignIn }));
const Notifications = lazy(async () => ({ default: (await import('@mantine/notifications')).Notifications }));

const PLACES: readonly {
  to: '/' | '/pipelines' | '/label' | '/approvals' | '/audit' | '/ops';
  title: string;
  icon: IconName;
}[] = [
  { to: '/', title: 'Inbox', icon: 'inbox' },
  { to: '/pipelines', title: 'Pipelines', icon: 'loop' },
  { to: '/label', title: 'Label', icon: 'tag' },
  { to: '/approvals', title: 'Approvals', icon: 'stamp' },
  { to: '/audit', title: 'Audit', icon: 'list' },
  { to: '/ops', title: 'Operations', icon: 'gauge' },
];

function Navigation(): ReactNode {
  const approvals = useQuery(reads.approvals('', 'Open'));
  const open = approvals.data?.approvals.length ?? 0;
  return (
    <nav className="rd-nav" aria-label="Main">
      {PLACES.map(({ to, title, icon }) => (
        <Link
          key={to}
          to={to}
          activeOptions={{ exact: to === '/', includeSearch: false }}
          activeProps={{ 'aria-current': 'page' }}
        >
          <Icon name={icon} />
          {title}
          {to === '/approvals' && open > 0 && (
            <span className="rd-count">
              {open}
              <span className="rd-sr"> open</span>
            </span>
          )}
        </Link>
      ))}
    </nav>
  );
}

const LIVE_WORDS = { connecting: 'Connecting', live: 'Live', stale: 'Not live', paused: 'Paused' };

function LiveSwitch(): ReactNode {
  const live = useLive();
  return (
    <button
      type="button"
      className="rd-tool"
      aria-pressed={live.paused}
      onClick={() => live.setPaused(!live.paused)}
      title={live.paused ? 'Resume live updates' : 'Pause live updates'}
    >
      <span className="rd-live" data-status={live.status}>
        {LIVE_WORDS[live.status]}
      </span>
      <Icon name={live.paused ? 'play' : 'pause'} size={13} />
      <span className="rd-sr">{live.paused ? 'Resume live updates' : 'Pause live updates'}</span>
    </button>
  );
}

function SchemeSwitch(): ReactNode {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = colorScheme === 'dark' || (colorScheme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
  return (
    <button
      type="button"
      className="rd-tool"
      aria-label={dark ? 'Use the light theme' : 'Use the dark theme'}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      <Icon name={dark ? 'sun' : 'moon'} size={15} />
    </button>
  );
}

function StaleBar(): ReactNode {
  const live = useLive();
  if (live.status !== 'stale') return null;
  return (
    <div className="rd-stale" role="status">
      <Icon name="warn" />
      Live updates stopped; last contact {formatAbsolute(live.lastSeenMs)}. What you see may be old. Trying again.
      <button type="button" className="rd-copy" onClick={() => live.reconnect()}>
        Reconnect now
      </button>
    </div>
  );
}

/** Says once, politely, how many changes arrived; a busy rollout does not talk without end. */
function LiveAnnouncer(): ReactNode {
  const { changes } = useLive();
  const [said, setSaid] = useState('');
  const before = useRef(0);
  useEffect(() => {
    const timer = setInterval(() => {
      setSaid(changes > before.current ? `${String(changes - before.current)} updates` : '');
      before.current = changes;
    }, 30_000);
    return () => clearInterval(timer);
  }, [changes]);
  return (
    <div role="status" className="rd-sr">
      {said}
    </div>
  );
}

function Who(): ReactNode {
  const who = useQuery(reads.whoAmI());
  if (who.data === undefined) return null;
  return (
    <div className="rd-who rd-muted">
      <div className="rd-strong">{who.data.principal}</div>
      <div>{who.data.roles.join(', ')}</div>
    </div>
  );
}

/** Moves the focus to the new page, so that the keyboard and the screen reader follow. */
function useFocusOnNavigation(): void {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    document.getElementById('main')?.focus({ preventScroll: true });
  }, [path]);
}

function Frame(): ReactNode {
  const [shortcuts, setShortcuts] = useState(false);
  useFocusOnNavigation();
  return (
    <div className="rd-shell">
      <a href="#main" className="rd-skip">
        Skip to the page
      </a>
      <header className="rd-side">
        <Link to="/" className="rd-brand">
          <img src="/favicon.svg" alt="" width={24} height={24} />
          Rondo
        </Link>
        <Navigation />
        <div className="rd-side-foot">
          <Who />
          <div className="rd-tools">
            <LiveSwitch />
            <SchemeSwitch />
            <button
              type="button"
              className="rd-tool"
              aria-label="Keyboard shortcuts"
              onClick={() => setShortcuts(true)}
            >
              <Icon name="keyboard" size={15} />
            </button>
          </div>
        </div>
      </header>
      <main id="main" className="rd-main" tabIndex={-1}>
        <StaleBar />
        <PartBoundary name="The page">
          <Suspense fallback={<Loading lines={4} />}>
            <Outlet />
          </Suspense>
        </PartBoundary>
      </main>
      <LiveAnnouncer />
      <Shortcuts opened={shortcuts} setOpened={setShortcuts} />
      <Suspense>
        <Notifications position="bottom-right" limit={3} />
      </Suspense>
    </div>
  );
}

/** Frame around every page; the sign-in page takes its place when the API does not know us. */
export function Shell(): ReactNode {
  const state = useSyncExternalStore(session.subscribe, session.get);
  if (state === 'signedOut') {
    return (
      <Suspense>
        <SignIn />
      </Suspense>
    );
  }
  return (
    <LiveProvider>
      <Frame />
    </LiveProvider>
  );
}
