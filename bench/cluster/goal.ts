import { formatTable } from "../measure.ts";

/** One figure beside what it has to be. */
export interface Goal {
  readonly what: string;
  /** NaN: it could not be measured. */
  readonly value: number;
  /** `ms`, `MiB`, `tasks/s`; `×` for a ratio. */
  readonly unit: string;
  readonly bound: "at most" | "at least";
  /** Null: it is told only to explain the others. */
  readonly limit: number | null;
}

export function atMost(what: string, { value, unit, limit }: Pick<Goal, "value" | "unit" | "limit">): Goal {
  return { what, value, unit, bound: "at most", limit };
}

export function formatGoals(goals: readonly Goal[]): string {
  const rows = goals.map((goal) => {
    const digits = goal.unit === "×" ? 2 : 1;
    const limit = goal.limit === null ? "" : `${goal.bound} ${goal.limit.toFixed(digits)}`;
    const value = Number.isNaN(goal.value) ? "not measured" : `${goal.value.toFixed(digits)} ${goal.unit}`;
    return [goal.what, value, limit, judge(goal)];
  });
  return formatTable([["figure", "measured", "goal", ""], ...rows]);
}

function judge({ value, bound, limit }: Goal): string {
  if (limit === null || Number.isNaN(value)) return "";
  return (bound === "at most" ? value <= limit : value >= limit) ? "met" : "MISSED";
}
