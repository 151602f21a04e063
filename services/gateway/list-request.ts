import { AppError } from "#errors/app-error.ts";
import type { PageRequest } from "#ports/queries.ts";

const defaultLimit = 20;
const maxLimit = 100;
/** Longer ones are nobody's. */
const maxCursorLength = 2_000;

/** A page request, checked: `limit` 0 means 20, more than 100 is refused. Cursors and sort fields are the store's to judge. */
export function readPage(request: { limit: number; cursor: string; sort?: string }): PageRequest {
  const { limit, cursor, sort = "" } = request;
  if (cursor.length > maxCursorLength) throw invalidField("cursor", "is not from this list; begin without one");
  return { limit: readLimit(limit), cursor: cursor === "" ? null : cursor, sort: sort === "" ? null : sort };
}

export function readLimit(limit: number): number {
  if (limit < 0 || limit > maxLimit) throw invalidField("limit", `must be 1 to ${maxLimit}, not ${limit}`);
  return limit === 0 ? defaultLimit : limit;
}

/** `INVALID_ARGUMENT` about one field of a request, named in its details too. */
export function invalidField(field: string, problem: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${field} ${problem}`, { details: { field } });
}
