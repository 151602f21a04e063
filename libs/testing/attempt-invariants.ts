import type { AttemptChange, AttemptKey } from "#core/attempt-change.ts";
import type { RunStep } from "./run-step.ts";

interface OpenAttempt extends AttemptKey {
  readonly fence: number;
  readonly workerKey: number | null;
}

/** Attempts that have not settled, and the fence of the one that each instance holds. */
interface Ledger {
  readonly unsettled: Map<string, OpenAttempt>;
  readonly held: Map<number, number>;
  /** Last generation and try of each instance that this step opened. */
  readonly last: Map<number, AttemptKey>;
}

/** Run, task, place in the fan-out and fence name an attempt to its worker: no other row may have used the name (G3). */
function checkNames({ decision, after }: RunStep): readonly string[] {
  return decision.attempts.flatMap((change) => {
    const row = change.kind === "opened" ? after.instances[change.ordinal] : undefined;
    const isTaken = after.instances.some(
      ({ ordinal, task, mapIndex, fence }) =>
        ordinal !== row?.ordinal && task === row?.task && mapIndex === row.mapIndex && fence >= row.fence,
    );
    return isTaken ? [`instance ${change.ordinal} opens an attempt under a fence that an older item of its had`] : [];
  });
}

/**
 * Attempts are opened once, settle once and are released exactly once: the rows before a step say what is open, each
 * change must fit, and what is left must be what the rows after it say.
 */
export function checkAttempts(step: RunStep): readonly string[] {
  const { before, decision, after } = step;
  const ledger: Ledger = { unsettled: new Map(), held: new Map(), last: new Map() };
  for (const instance of before.instances) {
    const { ordinal, generation, tryNumber, workerKey } = instance;
    if (instance.held) ledger.held.set(ordinal, instance.heldFence);
    const attempt = { ordinal, generation, tryNumber, workerKey, fence: instance.heldFence };
    if (instance.state === "running" && instance.itemsTotal === 0) ledger.unsettled.set(keyOf(attempt), attempt);
  }
  const stopped: OpenAttempt[] = [];
  const problems = decision.attempts.flatMap((change) => applyChange(step, ledger, change, stopped));
  const stillHeld = after.instances
    .filter(({ held }) => held)
    .map(({ ordinal, heldFence }) => `${ordinal}:${heldFence}`);
  const ledgerHeld = [...ledger.held].map(([ordinal, fence]) => `${ordinal}:${fence}`);
  const running = after.instances.filter(({ state, itemsTotal }) => state === "running" && itemsTotal === 0).map(keyOf);
  problems.push(...compareSets("held attempts", stillHeld, ledgerHeld));
  problems.push(...checkNames(step));
  problems.push(...compareSets("unsettled attempts", running, [...ledger.unsettled.keys()]));
  const ordered = decision.stops.map((stop) => `${keyOf(stop)} ${stop.fence} ${stop.workerKey}`);
  problems.push(
    ...compareSets(
      "stop orders",
      ordered,
      stopped.map((one) => `${keyOf(one)} ${one.fence} ${one.workerKey}`),
    ),
  );
  return problems;
}

function applyChange(step: RunStep, ledger: Ledger, change: AttemptChange, stopped: OpenAttempt[]): readonly string[] {
  switch (change.kind) {
    case "opened": {
      const problems: string[] = [];
      const row = step.before.instances[change.ordinal];
      const last = ledger.last.get(change.ordinal) ?? {
        generation: row?.generation ?? 1,
        tryNumber: row?.tryNumber ?? 0,
      };
      const expectedTry = change.generation === last.generation ? last.tryNumber + 1 : 1;
      if (change.generation < last.generation || change.tryNumber !== expectedTry) {
        problems.push(`attempt ${keyOf(change)} opened after ${last.generation}/${last.tryNumber}`);
      }
      if (change.fence <= (row?.fence ?? -1)) problems.push(`attempt ${keyOf(change)} opened without a new fence`);
      if (ledger.held.has(change.ordinal))
        problems.push(`attempt ${keyOf(change)} opened while another one is held (G4)`);
      ledger.held.set(change.ordinal, change.fence);
      ledger.unsettled.set(keyOf(change), change);
      ledger.last.set(change.ordinal, change);
      return problems;
    }
    case "closed": {
      const attempt = ledger.unsettled.get(keyOf(change));
      if (attempt === undefined) return [`attempt ${keyOf(change)} settled twice, or never opened (G5)`];
      ledger.unsettled.delete(keyOf(change));
      if (change.state === "stopped") stopped.push(attempt);
      const isRaised = (step.after.instances[change.ordinal]?.fence ?? 0) > attempt.fence;
      const needsRaise = change.state === "stopped" || change.state === "lost";
      return needsRaise && !isRaised ? [`attempt ${keyOf(change)} was ended from outside under the same fence`] : [];
    }
    case "released": {
      if (ledger.held.get(change.ordinal) !== change.fence) {
        return [`instance ${change.ordinal} released fence ${change.fence}, which it does not hold`];
      }
      ledger.held.delete(change.ordinal);
      const isUnsettled = [...ledger.unsettled.values()].some(
        ({ ordinal, fence }) => ordinal === change.ordinal && fence === change.fence,
      );
      return isUnsettled ? [`instance ${change.ordinal} released an attempt that has not settled`] : [];
    }
  }
}

function compareSets(what: string, rows: readonly string[], changes: readonly string[]): readonly string[] {
  const [a, b] = [rows.toSorted().join(", "), changes.toSorted().join(", ")];
  return a === b ? [] : [`${what}: the rows say [${a}], the changes [${b}]`];
}

function keyOf({ ordinal, generation, tryNumber }: AttemptKey): string {
  return `${ordinal}/${generation}/${tryNumber}`;
}
