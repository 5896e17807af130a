import { Button, Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import { Component, type ReactNode } from 'react';
import { problemOf, type Problem } from '../api/errors.js';
import { Icon } from './icons.js';

/** Nothing to show, why, and what to do about it. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="rd-empty">
      <p className="rd-empty-title">{title}</p>
      {children !== undefined && <div className="rd-muted">{children}</div>}
    </div>
  );
}

const NEXT: Partial<Record<Problem['kind'], string>> = {
  forbidden: 'An administrator can give your principal the role that is missing.',
  unavailable: 'The page keeps what it showed before and tries again.',
  notFound: 'Check the address, or look for it in the audit.',
};

/** An error by its name, with the server's reason and, when known, field, value and rule. */
export function ProblemNote({ problem, retry }: { readonly problem: Problem; readonly retry?: () => void }): ReactNode {
  const detail = [
    problem.field && `field ${problem.field}`,
    problem.value && `value ${problem.value}`,
    problem.rule && `rule ${problem.rule}`,
  ].filter(Boolean);
  return (
    <div className="rd-problem" role="alert">
      <Icon name="warn" />
      <div>
        <p className="rd-problem-title">
          {problem.title}
          {problem.reason !== undefined && <code>{problem.reason}</code>}
        </p>
        <p>{problem.message}</p>
        {detail.length > 0 && <p className="rd-muted">{detail.join(' · ')}</p>}
        {NEXT[problem.kind] !== undefined && <p className="rd-muted">{NEXT[problem.kind]}</p>}
      </div>
      {retry !== undefined && (
        <Button size="xs" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** Placeholder in the final layout; it appears late enough not to flash. */
export function Loading({ lines = 3 }: { readonly lines?: number }): ReactNode {
  return (
    <div className="rd-loading" aria-busy="true" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, index) => (
        <Skeleton key={index} height={14} width={`${String(92 - index * 14)}%`} animate={false} />
      ))}
    </div>
  );
}

interface LoadedProps<T> {
  readonly query: UseQueryResult<T>;
  readonly lines?: number;
  readonly children: (data: T) => ReactNode;
}

/** Shows what was read, a placeholder before, and the error by its name when it failed; old data stays visible. */
export function Loaded<T>({ query, lines = 3, children }: LoadedProps<T>): ReactNode {
  if (query.data !== undefined) {
    return (
      <>
        {query.isError && <ProblemNote problem={problemOf(query.error)} retry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <ProblemNote problem={problemOf(query.error)} retry={() => void query.refetch()} />;
  return <Loading lines={lines} />;
}

/** A part of the page that fails alone: the rest stays usable. */
export class PartBoundary extends Component<
  { readonly name: string; readonly children: ReactNode },
  { error: unknown }
> {
  override state: { error: unknown } = { error: undefined };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    const message = this.state.error instanceof Error ? this.state.error.message : String(this.state.error);
    return (
      <ProblemNote
        problem={{ kind: 'unknown', title: `${this.props.name} could not be shown`, message }}
        retry={() => this.setState({ error: undefined })}
      />
    );
  }
}
