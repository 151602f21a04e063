import type { KeptAnswer, RequestName } from "#ports/kept-answer.ts";
import type { Database } from "../database.ts";
import { findRequest, forgetRequest } from "./run-lookups.ts";

interface AnswerRow {
  readonly body_hash: string;
  readonly run_id: string;
  readonly answer: string | null;
}

/** What a request was answered within the last day. One of an earlier day is removed, for it would bar the next answer. */
export async function findAnswer(database: Database, { caller, id }: RequestName): Promise<KeptAnswer | null> {
  const [row] = await database.query<AnswerRow>(findRequest, [caller, id]);
  if (row !== undefined) return { caller, id, bodyHash: row.body_hash, runId: row.run_id, answer: row.answer };
  await database.query(forgetRequest, [caller, id]);
  return null;
}
