import type { ComponentStatus } from "#rpc/service.ts";
import type { DiskSpool } from "./disk-spool.ts";
import type { SessionState } from "./session-model.ts";
import { strainOf } from "./session-strain.ts";

/** What a worker tells of itself at its health port; null: it has not started. */
export function workerHealth(
  parts: {
    readonly loop: { readonly state: SessionState };
    readonly runner: { readonly isRunning: boolean };
    readonly spool: Pick<DiskSpool, "problem">;
  } | null,
): Readonly<Record<string, ComponentStatus>> {
  if (parts === null) return { session: { status: "unhealthy", detail: "not started" } };
  return {
    session: sessionStatus(parts.loop.state),
    runner: parts.runner.isRunning ? healthy : degraded("the process that runs attempts is being replaced"),
    outcomes: parts.spool.problem === null ? healthy : degraded(`kept in memory alone: ${parts.spool.problem}`),
  };
}

const healthy: ComponentStatus = { status: "healthy", detail: "" };

function degraded(detail: string): ComponentStatus {
  return { status: "degraded", detail };
}

function sessionStatus(state: SessionState): ComponentStatus {
  if (state.link.kind === "over") return { status: "unhealthy", detail: "drained" };
  if (state.draining !== null) return degraded(`draining: ${state.draining.reason}`);
  const strain = strainOf(state);
  if (state.link.kind === "ready") return strain === null ? healthy : degraded(`no new work: ${strain.reason}`);
  return degraded(state.refusal ?? "no executor answers; trying again");
}
