import type { RandomStream } from "#simulation/world/random.ts";
import type { LedgerDag, LedgerTask } from "./ledger-dag.ts";

export interface RandomDagOptions {
  readonly id: string;
  readonly tasks: number;
  /** The share of tasks that fail for good; as many fail once. */
  readonly failing: number;
  /** The longest that an attempt takes. */
  readonly seconds: number;
}

/** Tasks with up to three parents among the ten before them. */
export function randomDag(random: RandomStream, { id, tasks: count, failing, seconds }: RandomDagOptions): LedgerDag {
  const tasks: LedgerTask[] = [];
  for (let place = 0; place < count; place += 1) {
    const near = tasks.slice(-10).map((task) => task.id);
    const parents = new Set(near.length === 0 ? [] : Array.from({ length: random.below(4) }, () => random.pick(near)));
    tasks.push({
      id: `t${place}`,
      parents: [...parents],
      rule: random.chance(0.3) ? "all_done" : "all_success",
      ending: random.chance(failing) ? "fails" : random.chance(failing) ? "fails_first" : "succeeds",
      seconds: Math.round(random.between(seconds / 10, seconds) * 1000) / 1000,
    });
  }
  return { id, tasks };
}
