import type { FaultKind } from "./faults/fault-rates.ts";
import { simulate, type SimulationOptions, type SimulationResult } from "./simulate.ts";

/** The smallest form found in which a seed still fails. */
export interface ShrunkFailure {
  readonly options: SimulationOptions & { readonly taskCount: number; readonly without: ReadonlySet<FaultKind> };
  readonly result: SimulationResult;
}

/** Takes kinds of faults away and halves the workload for as long as the seed goes on failing; null when it does not fail. */
export async function shrink(seed: number, taskCount: number): Promise<ShrunkFailure | null> {
  let best = await fails({ seed, taskCount, without: new Set<FaultKind>() });
  if (best === null) return null;
  for (let size = Math.floor(taskCount / 2); size >= 1; size = Math.floor(size / 2)) {
    best = (await fails({ ...best.options, taskCount: size })) ?? best;
  }
  for (const kind of best.result.faults) {
    best = (await fails({ ...best.options, without: new Set([...best.options.without, kind]) })) ?? best;
  }
  return best;
}

async function fails(options: ShrunkFailure["options"]): Promise<ShrunkFailure | null> {
  const result = await simulate({ ...options, keepsTrace: true });
  return result.violations.length > 0 ? { options, result } : null;
}
