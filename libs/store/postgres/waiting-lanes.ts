/** What waits for a worker, as the indexes of lanes have it, of `task_instances t`. */
export const isWaiting = "t.state = 'queued' AND NOT t.held AND t.items_total = 0 AND t.waits_for IS NULL";

/** As the indexes have them. */
export const poolName = "COALESCE(t.pool, '')";
/**
 * The operator alone where a task needs and likes nothing else of its worker. Spelled out: a function would be unfolded for
 * each write of an index.
 */
export const needs = `CASE WHEN t.labels IS NULL AND t.preferred_labels IS NULL AND t.capabilities IS NULL AND t.resources IS NULL THEN t.operator_type ELSE hashtextextended(t.operator_type || ' ' || COALESCE(t.labels::text, '-') || COALESCE(t.preferred_labels::text, '-') || COALESCE(t.capabilities::text, '-') || COALESCE(t.resources::text, '-'), 0)::text END`;
