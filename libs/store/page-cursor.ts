import { AppError } from "#errors/app-error.ts";
import type { PageRequest } from "#ports/queries.ts";

/** Beyond this a total is not counted on; one more stands for "more". */
export const maxExactTotal = 10_000;

export type CursorValue = string | number;

/** What a list is ordered by; null: its own order. */
export interface SortOrder {
  readonly field: string | null;
  readonly descending: boolean;
}

/** Reads `sort` of a request; `INVALID_ARGUMENT` names the fields that are possible. They are the words of the API. */
export function parseSort(page: PageRequest, fields: readonly string[]): SortOrder {
  if (page.sort === null) return { field: null, descending: false };
  const descending = page.sort.startsWith("-");
  const field = descending ? page.sort.slice(1) : page.sort;
  if (!fields.includes(field)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `cannot sort by ${JSON.stringify(field)}; sort by one of ${fields.join(", ")}`,
      {
        details: { field: "sort" },
      },
    );
  }
  return { field, descending };
}

/** The place after a row: the values that the list is ordered by, for the request's sort alone. */
export function encodeCursor(sort: string | null, values: readonly CursorValue[]): string {
  return Buffer.from(JSON.stringify([sort, ...values])).toString("base64url");
}

/** Null without a cursor. `INVALID_ARGUMENT` for one that was not made by `encodeCursor` for the same sort. */
export function decodeCursor(page: PageRequest, length: number): readonly CursorValue[] | null {
  if (page.cursor === null || page.cursor === "") return null;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(page.cursor, "base64url").toString("utf8"));
    if (Array.isArray(parsed) && parsed.length === length + 1 && parsed[0] === page.sort) {
      const values: readonly unknown[] = parsed.slice(1);
      if (values.every((value) => typeof value === "string" || typeof value === "number")) return values;
    }
  } catch {
    // Not ours; said below.
  }
  throw new AppError("INVALID_ARGUMENT", "the cursor is not from this list and sort; begin without one", {
    details: { field: "cursor" },
  });
}
