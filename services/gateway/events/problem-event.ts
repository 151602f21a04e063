import { AppError } from "#errors/app-error.ts";
import { toProblem } from "#rpc/http/problem.ts";
import type { ServerSentEvent } from "#rpc/sse/event-stream.ts";

/** The last event of a stream that failed: a problem document; `details.resume_after`, where there is one, says how to go on. */
export function toProblemEvent(thrown: unknown, requestId: string): ServerSentEvent {
  return { event: "problem", data: JSON.stringify(toProblem(AppError.from(thrown), requestId)) };
}
