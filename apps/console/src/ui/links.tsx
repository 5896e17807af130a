import { Link } from '@tanstack/react-router';
import type { ModelRef } from '@rondo/contracts';
import type { ReactNode } from 'react';

/** Link to a pipeline. */
export function PipelineLink({ pipeline }: { readonly pipeline: string }): ReactNode {
  return (
    <Link to="/pipelines/$pipeline" params={{ pipeline }}>
      {pipeline}
    </Link>
  );
}

/** Link to a cycle by its number. */
export function CycleLink({
  pipeline,
  number,
  tab,
  children,
}: {
  readonly pipeline: string;
  readonly number: number;
  readonly tab?: 'approval' | 'rollout' | 'evaluation' | 'labels';
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <Link
      to="/pipelines/$pipeline/cycles/$number"
      params={{ pipeline, number: String(number) }}
      search={tab === undefined ? {} : { tab }}
    >
      {children ?? `cycle ${String(number)}`}
    </Link>
  );
}

/** `arrival-delay v2`, or the sentence that there is none. */
export function Model({ of }: { readonly of: ModelRef | undefined }): ReactNode {
  if (of === undefined || (of.name === '' && of.digest === '')) return <span className="rd-muted">none yet</span>;
  return (
    <span className="rd-nowrap" title={of.digest}>
      {of.name} {of.version > 0 ? `v${String(of.version)}` : '(not registered)'}
    </span>
  );
}
