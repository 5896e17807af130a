import type { ReactNode } from 'react';
import { formatAbsolute, formatDuration } from '../model/format.js';
import { foldWaits, type FoldedBar, type PhaseBar } from '../model/phases.js';
import { statusOf } from '../model/words.js';
import { ChartFrame } from './frame.js';

const ROW = 30;
const KIND_FILL: Record<string, string> = {
  compute: 'var(--rd-accent)',
  human: 'url(#rd-human)',
  queue: 'url(#rd-queue)',
  traffic: 'url(#rd-traffic)',
};
const KIND_WORD: Record<string, string> = {
  compute: 'computing',
  human: 'waiting for people',
  queue: 'queueing',
  traffic: 'waiting for traffic',
};

/** What a stretch of time was spent on. */
export function kindWord(kind: string): string {
  return KIND_WORD[kind] ?? kind;
}

function Patterns(): ReactNode {
  const stripes = (id: string, color: string, d: string): ReactNode => (
    <pattern key={id} id={id} width="8" height="8" patternUnits="userSpaceOnUse">
      <rect width="8" height="8" fill={`var(--rd-${color}-soft)`} />
      <path d={d} stroke={`var(--rd-${color})`} strokeWidth="1.6" fill="none" />
    </pattern>
  );
  return (
    <defs>
      {[
        stripes('rd-human', 'wait', 'M-2 10 10 -2M-2 2 2 -2M6 10 10 6'),
        stripes('rd-queue', 'quiet', 'M0 4h8'),
        stripes('rd-traffic', 'info', 'M1 4h2M5 4h2'),
      ]}
    </defs>
  );
}

function Bar({
  bar,
  y,
  left,
  width,
}: {
  readonly bar: FoldedBar;
  readonly y: number;
  readonly left: number;
  readonly width: number;
}): ReactNode {
  const x = left + bar.left * width;
  const w = Math.max(3, bar.width * width);
  const text = `${formatDuration(bar.endMs - bar.startMs)}${bar.running ? ' so far' : ''}`;
  const room = left + width - (x + w);
  const outside = room > text.length * 6.6 + 8;
  const mid = x + w / 2;
  return (
    <g>
      <title>{`${statusOf(bar.phase).word}: ${text}, ${kindWord(bar.kind)}, from ${formatAbsolute(bar.startMs)}`}</title>
      <text x={0} y={y + 4} className="rd-chart-name">
        {statusOf(bar.phase).word}
      </text>
      <rect
        x={x}
        y={y - 8}
        width={w}
        height={16}
        rx={3}
        fill={KIND_FILL[bar.kind] ?? 'var(--rd-quiet)'}
        stroke={bar.kind === 'compute' ? 'none' : 'var(--rd-line-strong)'}
      />
      {bar.folded && (
        <path
          d={`M${String(mid - 4)} ${String(y - 11)}l5 5.5-4 5.5 4 5.5-5 5.5`}
          stroke="var(--rd-surface)"
          strokeWidth={4}
          fill="none"
        />
      )}
      <text x={outside ? x + w + 6 : x - 6} y={y + 4} textAnchor={outside ? 'start' : 'end'} className="rd-chart-value">
        {text}
      </text>
    </g>
  );
}

/** The phases of one cycle; waits are drawn apart from computing, and long ones are folded. */
export function PhaseTimeline({
  bars,
  summary,
}: {
  readonly bars: readonly PhaseBar[];
  readonly summary: string;
}): ReactNode {
  if (bars.length === 0) return null;
  const folded = foldWaits(bars);
  const kinds = [...new Set(bars.map((bar) => bar.kind))];
  return (
    <ChartFrame
      title="Where the time went"
      summary={summary}
      height={folded.length * ROW + 8}
      legend={
        <>
          {kinds.map((kind) => (
            <span key={kind} className="rd-legend-item">
              <i className={`rd-mark rd-kind-${kind}`} aria-hidden="true" />
              {kindWord(kind)}
            </span>
          ))}
          {folded.some((bar) => bar.folded) && (
            <span className="rd-muted">A zigzag means: drawn shorter than it was.</span>
          )}
        </>
      }
      table={{
        head: ['phase', 'spent on', 'from', 'duration'],
        rows: bars.map((bar) => [
          statusOf(bar.phase).word,
          kindWord(bar.kind),
          formatAbsolute(bar.startMs),
          formatDuration(bar.endMs - bar.startMs),
        ]),
      }}
    >
      {(width) => {
        const left = Math.min(130, width * 0.34);
        return (
          <>
            <Patterns />
            {folded.map((bar, index) => (
              <Bar
                key={`${bar.phase}-${String(index)}`}
                bar={bar}
                y={index * ROW + ROW / 2}
                left={left}
                width={width - left - 6}
              />
            ))}
          </>
        );
      }}
    </ChartFrame>
  );
}

/** All phases in one line: done, running, to come. */
export function PhaseStrip({
  phases,
  current,
  ended,
}: {
  readonly phases: readonly string[];
  readonly current: string;
  readonly ended: boolean;
}): ReactNode {
  const at = phases.indexOf(current);
  const sentence = ended
    ? 'All phases ended'
    : at < 0
      ? statusOf(current).word
      : `Phase ${String(at + 1)} of ${String(phases.length)}: ${statusOf(current).word}`;
  return (
    <div className="rd-strip" role="img" aria-label={sentence}>
      {phases.map((phase, index) => (
        <span
          key={phase}
          data-state={index < at || (ended && index === at) ? 'done' : index === at && !ended ? 'now' : 'next'}
          title={statusOf(phase).word}
        />
      ))}
    </div>
  );
}
