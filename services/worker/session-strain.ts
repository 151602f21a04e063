import { nextPressure, pressureStrain, type ResourceUsage, type Strain } from "./pressure.ts";
import type { SessionState } from "./session-model.ts";
import type { SessionTurn } from "./session-turn.ts";

const heldUp: Strain = { reason: "the worker's process is held up", yields: false };

/** Why the worker wants no new work; null: it takes some. */
export function strainOf({ pressure, isHeldUp }: Pick<SessionState, "pressure" | "isHeldUp">): Strain | null {
  return isHeldUp ? heldUp : pressureStrain(pressure);
}

/** Why the worker refuses what it is offered, whoever else there is; null: it does not. */
export function refusalOf(state: SessionState): string | null {
  const strain = strainOf(state);
  return strain === null || strain.yields ? null : strain.reason;
}

/** Takes a measure of the machine, and says so when it changes what the worker wants. */
export function receiveMeasure(turn: SessionTurn, usage: ResourceUsage): void {
  const before = pressureStrain(turn.state.pressure);
  const pressure = nextPressure(turn.state.pressure, usage);
  const strain = pressureStrain(pressure);
  turn.change({ pressure });
  if (strain !== null && before === null) turn.note("warn", "degraded: no new work for now", { reason: strain.reason });
  if (strain === null && before !== null) turn.note("info", "no longer degraded");
}
