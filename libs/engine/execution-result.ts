import type { ExecutionResult } from "./execution-report.ts";
import type { Execution } from "./execution.ts";
import { errorOf } from "./task-report.ts";
import { TaskReportMap } from "./task-report-map.ts";

/** All tasks have ended. The result keeps the execution's columns and plan, and makes reports of them when asked. */
export function createResult({ id, startTime, ledger, firstError, host }: Execution, endTime: number): ExecutionResult {
  const { firstMiss } = ledger;
  const { store } = host;
  return {
    executionId: id,
    success: firstMiss === null,
    error: firstMiss === null ? null : firstError === null ? errorOf(ledger, firstMiss) : firstError.error,
    reports: new TaskReportMap(ledger),
    store,
    startTime,
    endTime,
    durationMs: Math.max(0, endTime - startTime),
    getResult: ((taskId) => store.get(taskId)) as ExecutionResult["getResult"],
    hasResult: (taskId) => store.has(taskId),
  };
}
