import type { RunState } from "#core/states.ts";
import { type ExitCode, exitCodes } from "./context.ts";

/** The exit code for a run that has ended. */
export function outcomeExitCode(state: RunState): ExitCode {
  if (state === "success") return exitCodes.success;
  return state === "cancelled" ? exitCodes.cancelled : exitCodes.failed;
}
