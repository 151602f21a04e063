import type { RunSnapshot } from "#ports/consistency-store.ts";
import { judgeRun, type RunJudgment, type RunProblem } from "./judge-run.ts";

/** What a first look found in runs, to compare a second one with: only what both show is a finding. */
export class RunLooks {
  readonly #found = new Map<number, readonly RunProblem[]>();

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  runKeys(): readonly number[] {
    return [...this.#found.keys()];
  }

  /** Those in which something was found that may pass by itself. */
  runsThatMayPass(): readonly number[] {
    const mayPass = (problems: readonly RunProblem[]): boolean => problems.some((problem) => problem.mayPass);
    return [...this.#found].flatMap(([runKey, problems]) => (mayPass(problems) ? [runKey] : []));
  }

  note(snapshot: RunSnapshot): void {
    const { problems } = judgeRun(snapshot);
    if (problems.length > 0) this.#found.set(snapshot.run.run.runKey, problems);
  }

  /** Forgets what has passed since. */
  narrow(snapshot: RunSnapshot): void {
    const { runKey } = snapshot.run.run;
    const { problems } = this.confirm(snapshot);
    if (problems.length > 0) this.#found.set(runKey, problems);
    else this.#found.delete(runKey);
  }

  /** The problems of the first look that are still there, and what repairs them. */
  confirm(snapshot: RunSnapshot): RunJudgment {
    const first = new Set(this.#found.get(snapshot.run.run.runKey)?.map(({ id }) => id));
    const isKnown = ({ id }: RunProblem): boolean => first.has(id);
    const { problems, decision } = judgeRun(snapshot, isKnown);
    const confirmed = problems.filter(isKnown);
    return { problems: confirmed, decision: confirmed.length === 0 ? null : decision };
  }
}
