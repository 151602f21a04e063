import type { RefusalReason } from "#core/event-verdict.ts";
import { AppError } from "#errors/app-error.ts";

/** The error that a refused rerun, clear or mark is answered with. */
export function refusedRepair(reason: RefusalReason, dagRunId: string): AppError {
  const details = { dag_run_id: dagRunId };
  switch (reason) {
    case "archived":
      return new AppError("RUN_ARCHIVED", `run ${dagRunId} is archived and stays as it is; trigger a new run`, {
        details,
      });
    case "nothing_to_do":
      return new AppError(
        "NOTHING_TO_REPAIR",
        `nothing of run ${dagRunId} has failed or was cut short; name tasks, or rerun from all`,
        { details },
      );
    case "unknown_instance":
    case "illegal_state":
      return new AppError(
        "TASK_INSTANCE_NOT_FOUND",
        `run ${dagRunId} went over to a version without one of the tasks; read the run again`,
        { details },
      );
    case "stale_fence":
    case "stale_revision":
    case "held":
    case "not_due":
    case "paused":
    case "limit_reached":
      return new AppError("INTERNAL", `a repair of run ${dagRunId} was refused as ${reason}`, { details });
  }
}
