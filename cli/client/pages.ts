/** The largest page that a server gives. */
const largestPage = 100;

/** Items of a paged list, page after page, until `limit` or its end. */
export async function readPages<T>(
  limit: number,
  readPage: (page: { limit: number; cursor: string }) => Promise<{ items: readonly T[]; nextCursor: string }>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let cursor = "";
  do {
    const page = await readPage({ limit: Math.min(largestPage, limit - items.length), cursor });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== "" && items.length < limit);
  return items;
}
