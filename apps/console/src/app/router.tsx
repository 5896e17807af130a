import { QueryClient } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { isRetryable, problemOf } from '../api/errors.js';
import { Page } from '../ui/layout.js';
import { Empty, ProblemNote } from '../ui/states.js';
import { Shell } from './shell.js';

/** Tabs of a cycle, as the address names them. */
export const CYCLE_TABS = [
  'timeline',
  'data',
  'labels',
  'training',
  'evaluation',
  'approval',
  'rollout',
  'audit',
] as const;
/** One of {@link CYCLE_TABS}. */
export type CycleTab = (typeof CYCLE_TABS)[number];

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 300) : undefined;

/** Keeps the named text parameters of an address and drops everything else. */
function onlyText<K extends string>(
  ...names: readonly K[]
): (search: Record<string, unknown>) => { [P in K]?: string } {
  return (search) =>
    Object.fromEntries(
      names.flatMap((name) => (text(search[name]) === undefined ? [] : [[name, text(search[name])]])),
    ) as { [P in K]?: string };
}

function NotFound() {
  return (
    <Page title="No such page" documentTitle="No such page">
      <Empty title="Nothing lives at this address.">
        The navigation beside this text leads to everything there is.
      </Empty>
    </Page>
  );
}

function RouteProblem({ error, reset }: { readonly error: unknown; readonly reset: () => void }) {
  return (
    <Page title="This page could not be shown" documentTitle="Problem">
      <ProblemNote problem={problemOf(error)} retry={reset} />
    </Page>
  );
}

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound, errorComponent: RouteProblem });
const at = <P extends string>(path: P) => ({ getParentRoute: () => root, path }) as const;

const inbox = createRoute({
  ...at('/'),
  component: lazyRouteComponent(() => import('../pages/inbox.js'), 'InboxPage'),
});
const pipelines = createRoute({
  ...at('/pipelines'),
  component: lazyRouteComponent(() => import('../pages/pipelines.js'), 'PipelinesPage'),
});
const pipeline = createRoute({
  ...at('/pipelines/$pipeline'),
  validateSearch: (search: Record<string, unknown>): { tab?: 'document' | 'models' } =>
    search['tab'] === 'document' || search['tab'] === 'models' ? { tab: search['tab'] } : {},
  component: lazyRouteComponent(() => import('../pages/pipeline.js'), 'PipelinePage'),
});
const events = createRoute({
  ...at('/pipelines/$pipeline/events'),
  validateSearch: onlyText('fate', 'page', 'q'),
  component: lazyRouteComponent(() => import('../pages/events.js'), 'EventsPage'),
});
const cycle = createRoute({
  ...at('/pipelines/$pipeline/cycles/$number'),
  validateSearch: (search: Record<string, unknown>): { tab?: CycleTab } => {
    const tab = CYCLE_TABS.find((name) => name === search['tab']);
    return tab === undefined ? {} : { tab };
  },
  component: lazyRouteComponent(() => import('../pages/cycle.js'), 'CyclePage'),
});
const campaigns = createRoute({
  ...at('/label'),
  component: lazyRouteComponent(() => import('../pages/campaigns.js'), 'CampaignsPage'),
});
const label = createRoute({
  ...at('/label/$campaign'),
  component: lazyRouteComponent(() => import('../pages/label.js'), 'LabelPage'),
});
const approvals = createRoute({
  ...at('/approvals'),
  validateSearch: onlyText('state'),
  component: lazyRouteComponent(() => import('../pages/approvals.js'), 'ApprovalsPage'),
});
const audit = createRoute({
  ...at('/audit'),
  validateSearch: onlyText('pipeline', 'actor', 'cycle', 'page'),
  component: lazyRouteComponent(() => import('../pages/audit.js'), 'AuditPage'),
});
const ops = createRoute({ ...at('/ops'), component: lazyRouteComponent(() => import('../pages/ops.js'), 'OpsPage') });

/** All pages; each is a file of its own that loads when it is opened. */
export const router = createRouter({
  routeTree: root.addChildren([inbox, pipelines, pipeline, events, cycle, campaigns, label, approvals, audit, ops]),
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: RouteProblem,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

/** Reads stay fresh through live events; the interval is the net below them. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchInterval: 60_000,
      retry: (failures, error) => failures < 2 && isRetryable(error),
    },
  },
});
