import assert from "node:assert";
import type { KeptAnswer, RequestName } from "#ports/kept-answer.ts";
import type { Database } from "../database.ts";
import { findRequest, forgetRequest, keepRequest } from "./run-lookups.ts";

interface AnswerRow {
  readonly body_hash: string;
  readonly run_id: string;
  readonly answer: string | null;
}

/** What a request was answered within the last day. One of an earlier day is removed, for it would bar the next answer. */
export async function findAnswer(database: Database, { caller, id }: RequestName): Promise<KeptAnswer | null> {
  const [row] = await database.query<AnswerRow>(findRequest, [caller, id]);
  if (row !== undefined) return fromRow(row, { caller, id });
  await database.query(forgetRequest, [caller, id]);
  return null;
}

/** Whoever comes at the same time waits here for the first, and gets what that one has kept. */
export async function keepAnswer(database: Database, given: KeptAnswer): Promise<KeptAnswer> {
  const { caller, id, bodyHash, runId, answer } = given;
  const [row] = await database.query<AnswerRow>(keepRequest, [caller, id, bodyHash, runId, answer]);
  assert.ok(row !== undefined, "a request that was kept has a row");
  return fromRow(row, given);
}

function fromRow(row: AnswerRow, { caller, id }: RequestName): KeptAnswer {
  return { caller, id, bodyHash: row.body_hash, runId: row.run_id, answer: row.answer };
}
