import { isWaitingBy, waitColumns } from "./wait-statements.ts";

const key = "run_key = $1 AND ordinal = $2 AND generation = $3 AND try_number = $4";
export const setChild = {
  name: "set_child_of_wait",
  text: `UPDATE waits SET child_run_id = $5, has_open_child = true WHERE ${key} AND child_run_id IS NULL`,
};
export const closeChild = {
  name: "close_child_of_wait",
  text: `UPDATE waits SET has_open_child = false WHERE ${key}`,
};

export const listChildren = {
  name: "list_children_of_waits",
  text: `SELECT ${waitColumns}, t.fence, c.run_key AS child_key, c.state AS child_state, c.ended_at IS NOT NULL AS child_has_ended
    FROM waits w LEFT JOIN task_instances t ON ${isWaitingBy} LEFT JOIN dag_runs c ON c.run_id = w.child_run_id
    WHERE w.has_open_child AND (t.run_key IS NULL OR c.run_key IS NULL OR c.ended_at IS NOT NULL) ORDER BY w.run_key, w.ordinal LIMIT $1`,
};

export const depthOfRun = {
  name: "depth_of_triggered_run",
  text: "SELECT COALESCE(max(depth), 0) AS depth FROM waits WHERE child_run_id = $1",
};
