import { PermanentError } from './errors.js';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const PATTERN = /^(\d{1,9})(ms|s|m|h|d|w)$/;

/** Reads `90m`, `14d`, `250ms` as milliseconds. Throws `invalid` for anything else. */
export function parseDurationMs(text: string, field = 'duration'): number {
  const match = PATTERN.exec(text);
  if (!match) {
    throw new PermanentError('invalid', `${field}: "${text}" is not a duration such as 90m, 14d or 250ms`, {
      field,
      value: text,
      rule: 'digits followed by ms, s, m, h, d or w',
    });
  }
  return Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS];
}

/** Writes milliseconds in the largest unit that divides them, the inverse of {@link parseDurationMs}. */
export function formatDurationMs(ms: number): string {
  for (const unit of ['w', 'd', 'h', 'm', 's'] as const)
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`;
  return `${ms}ms`;
}
