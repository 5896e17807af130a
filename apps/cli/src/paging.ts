import { PermanentError } from '@rondo/kernel';

/** What a list shows, and whether the server has more. */
export interface Listing<M> {
  readonly items: readonly M[];
  readonly hasMore: boolean;
}

const PAGE_MAX = 500;
const LIMIT_MAX = 1_000_000;

/** Reads `--limit`. */
export function limitOf(limit: string): number {
  const size = Number(limit);
  if (!Number.isInteger(size) || size < 1 || size > LIMIT_MAX)
    throw new PermanentError('invalid', `"${limit}" is not a limit`, {
      field: 'limit',
      value: limit,
      rule: `1 to ${LIMIT_MAX}`,
    });
  return size;
}

/** Reads pages until there are as many items as asked for, or no more. */
export async function collect<M>(
  limit: number,
  page: (request: { pageSize: number; pageToken: string }) => Promise<{ items: readonly M[]; nextPageToken: string }>,
): Promise<Listing<M>> {
  const items: M[] = [];
  let pageToken = '';
  do {
    const got = await page({ pageSize: Math.min(limit - items.length, PAGE_MAX), pageToken });
    items.push(...got.items);
    pageToken = got.nextPageToken;
  } while (pageToken !== '' && items.length < limit);
  return { items, hasMore: pageToken !== '' };
}

/** The first items of a list that comes as a whole. */
export const firstOf = <M>(limit: number, all: readonly M[]): Listing<M> => ({
  items: all.slice(0, limit),
  hasMore: all.length > limit,
});
