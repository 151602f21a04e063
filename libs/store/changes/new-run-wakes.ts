import type { CreateRunResult, NewRun } from "#ports/new-run.ts";
import type { Wake } from "#ports/wake.ts";
import { replacementWakes } from "./room-wakes.ts";

/** Tells whom a run concerns that was just made; nobody where none was. */
export function tellOfNewRun(wake: Wake, { replaceExisting }: NewRun, result: CreateRunResult): void {
  if (result.kind !== "created") return;
  const runKey = String(result.runKey);
  if (result.isAdmitted) wake.notify("created", runKey);
  else wake.notify("room");
  if (result.awaitsEvaluation) wake.notify("evaluations", runKey);
  wake.notify("outbox");
  if (replaceExisting) for (const topic of replacementWakes) wake.notify(topic);
}
