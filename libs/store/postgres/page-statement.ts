import { createHash } from "node:crypto";
import type { Page, PageRequest } from "#ports/queries.ts";
import { decodeCursor, encodeCursor, maxExactTotal, parseSort, type CursorValue } from "../page-cursor.ts";
import type { Database, Statement } from "./database.ts";

/** An expression that a list can be ordered by; it must never be null. */
export interface OrderKey {
  readonly sql: string;
  readonly type: "text" | "bigint" | "integer" | "timestamptz";
  readonly descending: boolean;
}

export interface ListQuery<Row, Item> {
  readonly columns: string;
  readonly from: string;
  /** Conditions with `?` where their value goes; one value each. */
  readonly conditions: readonly { readonly sql: string; readonly value: unknown }[];
  /** The list's own order, by a unique key; also breaks the ties of a sort. */
  readonly order: readonly OrderKey[];
  /** Fields that a request may sort by, in the words of the API. */
  readonly sorts: Readonly<Record<string, Omit<OrderKey, "descending">>>;
  readonly toItem: (row: Row) => Item;
}

/** One page by keyset: its cost does not grow with its distance from the beginning. */
export async function readPage<Row, Item>(
  database: Database,
  page: PageRequest,
  list: ListQuery<Row, Item>,
): Promise<Page<Item>> {
  const sort = parseSort(page, Object.keys(list.sorts));
  const sortKey = sort.field === null ? undefined : list.sorts[sort.field];
  const order = sortKey === undefined ? list.order : [{ ...sortKey, descending: sort.descending }, ...list.order];
  const after = decodeCursor(page, order.length);
  const values: unknown[] = list.conditions.map((condition) => condition.value);
  const conditions = list.conditions.map((condition, place) => condition.sql.replaceAll("?", `$${place + 1}`));
  const total = countStatement(list.from, conditions);
  const totalAnswer = database.query<{ count: number }>(total, [...values]);
  if (after !== null) {
    conditions.push(afterCondition(order, values.length + 1));
    values.push(...after);
  }
  values.push(page.limit + 1);
  const keys = order.map((key, place) => `(${key.sql})::text AS order_${place}`).join(", ");
  const by = order.map((key) => `${key.sql} ${key.descending ? "DESC" : "ASC"}`).join(", ");
  const text = `SELECT ${list.columns}, ${keys} FROM ${list.from}${where(conditions)} ORDER BY ${by} LIMIT $${values.length}`;
  const [rows, [counted]] = await Promise.all([
    database.query<Row & Record<string, CursorValue>>(named(text), values),
    totalAnswer,
  ]);
  const shown = rows.slice(0, page.limit);
  const last = rows.length > page.limit ? shown.at(-1) : undefined;
  const lastKeys = last === undefined ? null : order.map((_, place) => last[`order_${place}`] ?? "");
  return {
    items: shown.map((row) => list.toItem(row)),
    nextCursor: lastKeys === null ? null : encodeCursor(page.sort, lastKeys),
    totalCount: counted?.count ?? 0,
  };
}

function countStatement(from: string, conditions: readonly string[]): Statement {
  return named(
    `SELECT count(*) AS count FROM (SELECT 1 FROM ${from}${where(conditions)} LIMIT ${maxExactTotal + 1}) counted`,
  );
}

function where(conditions: readonly string[]): string {
  return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
}

/** Rows behind the cursor, also where directions differ; the bound on the first key is what an index can use. */
function afterCondition(order: readonly OrderKey[], firstParameter: number): string {
  const parts = order.map((key, place) => ({ ...key, value: `$${firstParameter + place}::text::${key.type}` }));
  const beyond = parts.reduceRight((rest, { sql, descending, value }) => {
    const strictly = `${sql} ${descending ? "<" : ">"} ${value}`;
    return rest === "" ? strictly : `(${strictly} OR (${sql} = ${value} AND ${rest}))`;
  }, "");
  const [first] = parts;
  return first === undefined ? "true" : `${first.sql} ${first.descending ? "<=" : ">="} ${first.value} AND ${beyond}`;
}

/** The name follows from the text, since each name must have one text. */
function named(text: string): Statement {
  return { name: `page_${createHash("sha1").update(text).digest("hex").slice(0, 16)}`, text };
}
