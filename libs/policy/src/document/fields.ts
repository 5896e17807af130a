import { parseDurationMs } from '@rondo/kernel';
import { z } from 'zod';

/** A length of time inside an admitted document; {@link SpecOf} turns the field `x` that holds it into `xMs: number`. */
export class Duration {
  constructor(readonly ms: number) {}
}

const TEN_YEARS_MS = 3_660 * 86_400_000;

const duration = (atLeastMs: number, rule: string) =>
  z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d|w)$/, 'a duration is digits followed by ms, s, m, h, d or w, such as 90m or 28d')
    .refine((text) => {
      const ms = durationMs(text);
      return ms === undefined || (ms >= atLeastMs && ms <= TEN_YEARS_MS);
    }, rule)
    .transform((text) => new Duration(parseDurationMs(text)));

function durationMs(text: string): number | undefined {
  return /^\d{1,9}(ms|s|m|h|d|w)$/.test(text) ? parseDurationMs(text) : undefined;
}

/** A duration above zero. */
export const positiveDuration = (): z.ZodType<Duration, string> =>
  duration(1, 'must be longer than 0 and at most ten years');

/** A duration that may be zero. */
export const anyDuration = (): z.ZodType<Duration, string> => duration(0, 'must be at most ten years');

/** A name in the manner of Kubernetes: lower-case letters, digits and inner hyphens, up to 63 characters. */
export const name = () =>
  z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'a name is 1 to 63 lower-case letters, digits and inner hyphens');

/** A column of a table. */
export const column = () =>
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'a column is a letter or _ followed by up to 62 letters, digits or _');

/** A file that travels with the document, by its path beside it. */
export const file = () =>
  z
    .string()
    .max(200)
    .regex(
      /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
      'a file is a relative path of letters, digits, ".", "_" and "-", without ".." or hidden parts',
    );

/** Prose for people. */
export const text = (maxLength: number) => z.string().trim().min(1).max(maxLength);

/** An expression in CEL; its context is checked after the shape. */
export const expression = () => z.string().trim().min(1);

/** A whole number within bounds. */
export const count = (min: number, max: number) => z.number().int().min(min).max(max);

/** A finite number within bounds. */
export const number = (min: number, max: number) => z.number().min(min).max(max);

/** A number strictly between 0 and 1. */
export const probability = () => z.number().gt(0).lt(1);

/** A number from 0 to 1. */
export const share = () => z.number().min(0).max(1);
