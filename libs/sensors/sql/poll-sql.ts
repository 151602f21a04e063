import { createHash } from "node:crypto";
import type { SqlSensor } from "#definition/schema/sensor-definition.ts";
import { baseline, type Look, type LookResult, quiet } from "../look.ts";
import { pollNewRows } from "./poll-new-rows.ts";
import { createRunQuery, findDatabase } from "./run-query.ts";
import { bindQuery, countRows } from "./sensor-query.ts";
import { ask, oneValue, type SqlSource, toObjects } from "./sql-source.ts";

/** Rows of a result that is compared as a whole. */
const comparedRows = 10_000;

/** Asks a database: an event when rows are new, their number is another one, or the result is. */
export async function pollSql(sensor: SqlSensor, look: Look): Promise<LookResult> {
  const connection = await findDatabase(sensor, look);
  const source = { dialect: connection.kind, run: createRunQuery(connection, look) };
  switch (sensor.mode) {
    case "new_rows":
      return pollNewRows(sensor, look, source);
    case "row_count":
      return pollRowCount(sensor, look, source);
    case "result_change":
      return pollResult(sensor, look, source);
  }
}

async function pollRowCount(sensor: SqlSensor, { state }: Look, source: SqlSource): Promise<LookResult> {
  const bound = bindQuery(sensor.query, source.dialect, []);
  const count = Number(oneValue(await ask(source, countRows(bound), { rows: 1 })));
  if (state === null) return baseline({ count });
  const previous = Number(state.get("count"));
  if (count === previous) return quiet;
  const event = { subject: String(count), data: { count, previous } };
  return { ...quiet, firings: [{ event, patch: { put: new Map([["count", count]]), drop: [] } }] };
}

async function pollResult(sensor: SqlSensor, { state }: Look, source: SqlSource): Promise<LookResult> {
  const outcome = await ask(source, bindQuery(sensor.query, source.dialect, []), { rows: comparedRows });
  const hash = createHash("sha256")
    .update(JSON.stringify([outcome.columns, outcome.rows]))
    .digest("hex");
  if (state === null) return baseline({ hash });
  if (state.get("hash") === hash) return quiet;
  const rows = toObjects(outcome).slice(0, sensor.batchSize);
  const data = { count: outcome.rows.length, rows, hash: `sha256:${hash}` };
  const event = { subject: `sha256:${hash.slice(0, 12)}`, data };
  return { ...quiet, firings: [{ event, patch: { put: new Map([["hash", hash]]), drop: [] } }] };
}
