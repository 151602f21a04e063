import { parseLimit } from "#core/limit-names.ts";
import type { ExplainedInstance, ExplanationFacts } from "#ports/explanation-facts.ts";
import type { LimitHolder, LimitStore, LimitView } from "#ports/limit-store.ts";
import type { WaitCause, WaitHolder } from "./explain-wait.ts";

/** Holders that are named; the rest is counted. */
const mostHolders = 5;

/** The limits that keep a run or its instances waiting, by name. */
export type FullLimits = ReadonlyMap<string, LimitView>;

/** Looks up the limits that what waits needs room in; those that have room are left out. */
export async function findFullLimits(limits: LimitStore, facts: ExplanationFacts): Promise<FullLimits> {
  const ofRun = facts.run.isAdmitted ? [] : facts.run.needs;
  const ofInstances = facts.instances.flatMap(({ state, needs }) => (state === "queued" ? needs : []));
  const byName = new Map([...ofRun, ...ofInstances].map((need) => [need.limit, need]));
  const views = await limits.describeLimits([...byName.values()], mostHolders);
  return new Map(views.filter(({ size, used }) => used >= (size ?? 0)).map((view) => [view.limit, view]));
}

/** Why a run has not begun; none where it has room or waits for none. */
export function explainRunLimits(run: ExplanationFacts["run"], full: FullLimits): readonly WaitCause[] {
  if (run.isAdmitted || run.endedAt !== null) return [];
  const causes = causesOf(run.needs, full);
  const inTurn = { code: "run_limit", text: "its DAG has room for another run, and runs that came before go first" };
  return causes.length > 0 ? causes : [inTurn];
}

/** Limits that keep a queued instance from being given to a worker. */
export function explainInstanceLimits({ needs }: ExplainedInstance, full: FullLimits): readonly WaitCause[] {
  return causesOf(needs, full);
}

function causesOf(needs: ExplainedInstance["needs"], full: FullLimits): readonly WaitCause[] {
  return needs.flatMap(({ limit }) => {
    const view = full.get(limit);
    return view === undefined ? [] : [toCause(view)];
  });
}

function toCause(view: LimitView): WaitCause {
  const { kind, of } = parseLimit(view.limit);
  const taken = `${view.used} of ${view.size ?? 0}`;
  const heldBy = view.holders.map(toHolder);
  const by = holdersText(heldBy, view.used);
  switch (kind) {
    case "pool":
      if (view.size === null) {
        return { code: "pool", text: `there is no pool ${of}: make it with \`millrace pools set ${of} SIZE\`` };
      }
      return { code: "pool", text: `pool ${of} is full: ${taken} slots are taken${by}`, heldBy };
    case "runs":
      return { code: "run_limit", text: `the DAG has ${taken} active runs (\`max_active_runs\`)${by}`, heldBy };
    case "key":
      return {
        code: "run_limit",
        text: `the concurrency key ${JSON.stringify(of)} has ${taken} active runs${by}`,
        heldBy,
      };
    case "tasks":
      return { code: "task_limit", text: `the DAG has ${taken} attempts out (\`max_active_tasks\`)${by}`, heldBy };
  }
}

function holdersText(holders: readonly WaitHolder[], used: number): string {
  if (holders.length === 0) return "";
  const more = used - holders.length;
  return `, by ${holders.map(({ text }) => text).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function toHolder({ runId, taskId, mapIndex }: LimitHolder): WaitHolder {
  const text = taskId === null ? runId : `${taskId}${mapIndex === null ? "" : `[${mapIndex}]`} of ${runId}`;
  return { runId, taskId, mapIndex, text };
}
