import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { useEffect, useState, type ReactNode } from 'react';
import { formatAbsolute, formatRelative, toMs } from '../model/format.js';

/** The present moment, renewed every so often while mounted. */
export function useNow(everyMs = 15_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** Wall-clock time, relative, with the absolute one on hover. */
export function Ago({ at }: { readonly at: Timestamp | undefined }): ReactNode {
  const now = useNow();
  const ms = toMs(at);
  if (ms === undefined) return <span className="rd-muted">not known</span>;
  return (
    <time dateTime={new Date(ms).toISOString()} title={formatAbsolute(ms)}>
      {formatRelative(ms, now)}
    </time>
  );
}

/** Policy time or event time: always absolute, because "ago" would compare two clocks. */
export function At({ at }: { readonly at: Timestamp | undefined }): ReactNode {
  const ms = toMs(at);
  if (ms === undefined) return <span className="rd-muted">not known</span>;
  return <time dateTime={new Date(ms).toISOString()}>{formatAbsolute(ms)}</time>;
}
