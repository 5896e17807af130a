import { useQuery } from '@tanstack/react-query';
import type { Cycle } from '@rondo/contracts';
import type { ReactNode } from 'react';
import { reads } from '../../api/queries.js';
import { kindWord, PhaseTimeline } from '../../charts/phase-timeline.js';
import { Waterfall } from '../../charts/waterfall.js';
import { formatDuration, toMs } from '../../model/format.js';
import { timeByKind, type PhaseBar } from '../../model/phases.js';
import { CopyButton } from '../../ui/copy.js';
import { Card } from '../../ui/layout.js';
import { Empty, Loaded } from '../../ui/states.js';
import { useNow } from '../../ui/time.js';

function barsOf(cycle: Cycle, nowMs: number): PhaseBar[] {
  return cycle.phases.flatMap((phase) => {
    const startMs = toMs(phase.enteredAt);
    if (startMs === undefined || phase.phase === 'Finished') return [];
    const left = toMs(phase.leftAt) ?? toMs(cycle.finishedAt);
    return [
      {
        phase: phase.phase,
        kind: phase.kind || 'compute',
        startMs,
        endMs: Math.max(startMs, left ?? nowMs),
        running: left === undefined,
      },
    ];
  });
}

/** Spans are kept elsewhere: one link for each step, oldest first. */
function TraceLinks({ urls }: { readonly urls: readonly string[] }): ReactNode {
  return (
    <ol>
      {urls.map((url) => (
        <li key={url}>
          <a href={url} target="_blank" rel="noreferrer">
            {url}
          </a>
        </li>
      ))}
    </ol>
  );
}

function Spans({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const query = useQuery(reads.spans(cycle.pipeline, cycle.cycleId));
  return (
    <Card title="Trace">
      <Loaded query={query}>
        {({ spans, traceUrls }) =>
          traceUrls.length > 0 ? (
            <TraceLinks urls={traceUrls} />
          ) : spans.length === 0 ? (
            <Empty title="No spans are kept here.">
              They are exported elsewhere, or telemetry is off. The phases above come from the events and do not need
              it.
            </Empty>
          ) : (
            <>
              <div className="rd-row">
                {[...new Set(spans.map((span) => span.traceId))].slice(0, 8).map((traceId) => (
                  <CopyButton key={traceId} text={traceId} label="Copy trace id">
                    <code>{traceId.slice(0, 8)}</code>
                  </CopyButton>
                ))}
              </div>
              <Waterfall spans={spans} />
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

/** Phases with their waits apart, and the spans below them. */
export function TimelineTab({ cycle }: { readonly cycle: Cycle }): ReactNode {
  const now = useNow();
  const bars = barsOf(cycle, now);
  const summary = timeByKind(bars)
    .map(({ kind, durationMs }) => `${formatDuration(durationMs)} ${kindWord(kind)}`)
    .join(', ');
  return (
    <div className="rd-page">
      <Card title="Phases">
        {bars.length === 0 ? (
          <Empty title="No phase has been entered yet." />
        ) : (
          <PhaseTimeline bars={bars} summary={`${summary}.`} />
        )}
      </Card>
      <Spans cycle={cycle} />
    </div>
  );
}
