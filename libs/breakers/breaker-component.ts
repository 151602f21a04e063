import type { BreakerState, BreakerStatus } from "#ports/breaker-status.ts";

const words: Readonly<Record<BreakerState, string>> = { closed: "closed", open: "open", half_open: "half open" };

/** The breakers of a service as one component of its health: degraded while one of them holds calls back. */
export function breakerComponent(breakers: readonly BreakerStatus[]): {
  readonly status: "healthy" | "degraded";
  readonly detail: string;
} {
  const details = breakers
    .filter(({ state }) => state !== "closed")
    .map(({ name, state, changes }) => `${name} ${words[state]}: ${changes.at(-1)?.cause ?? ""}`);
  return { status: details.length === 0 ? "healthy" : "degraded", detail: details.join("; ") };
}
