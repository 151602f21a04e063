import { isWaitingBy, openColumns } from "./wait-statements.ts";

/** The columns and tables of approvals that wait. */
export const approvals = {
  columns: `${openColumns}, r.dag_id, t.task_id, t.map_index, t.item_key`,
  from: `waits w JOIN task_instances t ON ${isWaitingBy} AND w.kind = 'approval' JOIN dag_runs r ON r.run_key = t.run_key`,
};

/** An id can be read in several ways; a task wins over an item that would have the same id. */
export const getApproval = {
  name: "get_approval",
  text: `SELECT ${approvals.columns} FROM ${approvals.from} JOIN unnest($1::text[], $2::text[]) AS reading(id, rest) ON r.run_id = reading.id
    WHERE t.task_id = reading.rest OR (t.item_key IS NOT NULL AND t.task_id || '__' || t.item_key = reading.rest)
    ORDER BY t.map_index NULLS FIRST LIMIT 1`,
};
