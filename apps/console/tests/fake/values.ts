import { timestampFromMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { DescMessage, Message, MessageInitShape } from '@bufbuild/protobuf';
import type { EstimateSchema } from '@rondo/contracts';
import { createHash } from 'node:crypto';

/** Plain fields of a message, as fixtures write them. */
export type Init<S extends DescMessage> = Exclude<MessageInitShape<S>, Message>;

/** The moment every test takes place: the browser's clock stands still here. */
export const NOW = Date.parse('2026-11-20T10:00:00Z');

/** Wall-clock time so many minutes before {@link NOW}. */
export const before = (minutes: number): Timestamp => timestampFromMs(NOW - minutes * 60_000);

/** Policy time of the replayed year. */
export const day = (iso: string): Timestamp =>
  timestampFromMs(Date.parse(iso.length === 10 ? `${iso}T00:00:00Z` : iso));

/** A digest that looks like one. */
export const digest = (of: string): string => `sha256:${createHash('sha256').update(of).digest('hex')}`;

/** A UUID that is the same in every run. */
export const uuid = (of: string): string => {
  const hex = createHash('sha1').update(of).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

/** Value with a symmetric interval. */
export const estimate = (
  name: string,
  value: number,
  half: number,
  n: number,
  more: Init<typeof EstimateSchema> = {},
): Init<typeof EstimateSchema> => ({
  name,
  value,
  lower: value - half,
  upper: value + half,
  confidence: 0.95,
  n: BigInt(n),
  slice: 'all',
  method: 'paired mean, normal',
  ...more,
});
