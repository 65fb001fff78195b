/** Lists in pages, in the two ways of the two providers. */

/** What is listed, as the caller sees it. */
export interface Listed {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** The items after (or before) the one that the query names, at most as many as it asks for. */
interface Page<Item> {
  readonly items: readonly Item[];
  readonly hasMore: boolean;
}

/** Anthropic's page: `limit` with `after_id`, `before_id` or, for files, `page`; all of them speak of ids here. */
export function anthropicPage(all: readonly Listed[], query: URLSearchParams): object {
  const { items, hasMore } = cutPage(all, {
    limit: limitOf(query, 20, 1_000),
    after: query.get("after_id") ?? query.get("page"),
    before: query.get("before_id"),
  });
  const lastId = items.at(-1)?.id ?? null;
  return {
    data: items,
    has_more: hasMore,
    first_id: items[0]?.id ?? null,
    last_id: lastId,
    next_page: hasMore ? lastId : null,
  };
}

/** OpenAI's page: `limit` with `after`. */
export function openaiPage(all: readonly Listed[], query: URLSearchParams): object {
  const { items, hasMore } = cutPage(all, {
    limit: limitOf(query, 20, 10_000),
    after: query.get("after"),
    before: query.get("before"),
  });
  return {
    object: "list",
    data: items,
    has_more: hasMore,
    first_id: items[0]?.id ?? null,
    last_id: items.at(-1)?.id ?? null,
  };
}

function limitOf(query: URLSearchParams, usual: number, most: number): number {
  const limit = Number(query.get("limit") ?? usual);
  return Number.isInteger(limit) && limit >= 1 ? Math.min(limit, most) : usual;
}

function cutPage<Item extends Listed>(
  all: readonly Item[],
  {
    limit,
    after,
    before,
  }: { readonly limit: number; readonly after: string | null; readonly before: string | null },
): Page<Item> {
  if (before !== null) {
    const end = indexAt(all, before, all.length);
    const start = Math.max(0, end - limit);
    return { items: all.slice(start, end), hasMore: start > 0 };
  }
  const start = after === null ? 0 : indexAt(all, after, -1) + 1;
  return { items: all.slice(start, start + limit), hasMore: start + limit < all.length };
}

function indexAt(all: readonly Listed[], id: string, otherwise: number): number {
  const at = all.findIndex((item) => item.id === id);
  return at === -1 ? otherwise : at;
}
