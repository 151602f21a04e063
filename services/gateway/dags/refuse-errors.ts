import { AppError } from "#errors/app-error.ts";
import type { Problem } from "#gen/millrace/v1/dag_service_pb.js";

/** Throws `INVALID_DEFINITION` with every error in `details.errors`; warnings pass. `what` begins the message. */
export function refuseErrors(problems: readonly Problem[], what: string): void {
  const errors = problems.filter((problem) => !problem.warning);
  const [first] = errors;
  if (first === undefined) return;
  const more = errors.length === 1 ? "" : `, and ${errors.length - 1} more`;
  throw new AppError("INVALID_DEFINITION", `${what}: ${first.message}${more}`, {
    details: { errors: errors.map(({ $typeName: _name, ...problem }) => problem) },
  });
}
