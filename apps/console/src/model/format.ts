import type { Timestamp } from '@bufbuild/protobuf/wkt';

/** Milliseconds since 1970, or undefined when the server did not say. */
export function toMs(at: Timestamp | undefined): number | undefined {
  return at === undefined ? undefined : Number(at.seconds) * 1000 + Math.floor(at.nanos / 1e6);
}

const grouped = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

/** Count with thin grouping, for example `402,118`. */
export function formatCount(n: number | bigint): string {
  return grouped.format(n);
}

/** Number with as many digits as a reader compares: 4 decimals below 1, 3 below 100, none above 10,000. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && size < 0.0001) return value.toExponential(1).replace('-', '−');
  const decimals = size >= 10_000 ? 0 : size >= 100 ? 1 : size >= 1 ? 3 : 4;
  return new Intl.NumberFormat('en-GB', {
    maximumFractionDigits: decimals,
    minimumFractionDigits: size < 1 && size !== 0 ? decimals : 0,
  })
    .format(value)
    .replace('-', '−');
}

/** Difference with its sign, for example `+0.0021`. */
export function formatSigned(value: number): string {
  return value > 0 ? `+${formatNumber(value)}` : formatNumber(value);
}

/** Share of one as per cent, for example `99.2 %`. */
export function formatPercent(share: number, decimals = 1): string {
  return `${new Intl.NumberFormat('en-GB', { maximumFractionDigits: decimals }).format(share * 100)} %`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** Duration in at most two units, for example `2 d 4 h`, `38 s`, `120 ms`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 0) return `−${formatDuration(-durationMs)}`;
  if (durationMs < 1000) return `${String(Math.round(durationMs))} ms`;
  const first = UNITS.findIndex(([, size]) => durationMs >= size);
  const [unit, size] = UNITS[first]!;
  if (unit === 's') return `${formatNumber(Math.round(durationMs / 100) / 10)} s`;
  const [nextUnit, nextSize] = UNITS[first + 1]!;
  const whole = Math.floor(durationMs / size);
  const rest = Math.floor((durationMs - whole * size) / nextSize);
  return rest > 0 ? `${String(whole)} ${unit} ${String(rest)} ${nextUnit}` : `${String(whole)} ${unit}`;
}

/** `3 min ago`, `in 2 d 4 h`, `just now`. */
export function formatRelative(atMs: number, nowMs: number): string {
  const distance = atMs - nowMs;
  if (Math.abs(distance) < 5000) return 'just now';
  const size = Math.abs(distance);
  const [unit, unitMs] = UNITS.find(([, ms]) => size >= ms) ?? UNITS[3]!;
  const amount = `${String(Math.floor(size / unitMs))} ${unit}`;
  return distance < 0 ? `${amount} ago` : `in ${amount}`;
}

const dateTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
});
const dateOnly = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

/** `5 Mar 2001, 14:00 UTC`. */
export function formatAbsolute(atMs: number): string {
  return `${dateTime.format(atMs)} UTC`;
}

/** `5 Mar 2001`. */
export function formatDate(atMs: number): string {
  return dateOnly.format(atMs);
}

/** First characters of an id or digest; the whole goes to the clipboard and the title. */
export function shortId(id: string): string {
  const body = id.startsWith('sha256:') ? id.slice(7) : id;
  return body.length > 12 ? body.slice(0, 8) : body;
}

/** Values that an expression read, for example `perf.logLossLower = 0.4690`; text that is no JSON object stays as it is. */
export function valueTexts(json: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== 'object' || parsed === null) return [];
    return Object.entries(parsed).map(
      ([name, value]) => `${name} = ${typeof value === 'number' ? formatNumber(value) : JSON.stringify(value)}`,
    );
  } catch {
    return json === '' ? [] : [json];
  }
}
