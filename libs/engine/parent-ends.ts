import type { EndKind } from "#core/states.ts";
import { decideRule, type RuleVerdict, type TriggerRule } from "#core/trigger-rule.ts";

/** What one waiting task has of its dependencies. */
export interface ParentCounts {
  readonly total: number;
  readonly waiting: number;
}

/** Places of the counts of one task. */
const field = { failed: 0, upstream_failed: 1, skipped: 2, exempt: 3 } as const;
const fields = 4;

/**
 * Counts the ends that were no success, as the edges show them, for each task. Successes are what is left of the total,
 * so that an execution without a failure counts nothing here.
 */
export class ParentEnds {
  #counts = new Int32Array(0);

  /** `size` is the number of tasks now. */
  note(child: number, kind: Exclude<EndKind, "success">, isExempt: boolean, size: number): void {
    if (this.#counts.length < fields * size) this.#grow(size);
    this.#increase(fields * child + field[kind]);
    if (isExempt) this.#increase(fields * child + field.exempt);
  }

  decide(child: number, rule: TriggerRule, { total, waiting }: ParentCounts): RuleVerdict {
    const failed = this.#countOf(child, field.failed);
    const upstreamFailed = this.#countOf(child, field.upstream_failed);
    const skipped = this.#countOf(child, field.skipped);
    const success = total - waiting - failed - upstreamFailed - skipped;
    return decideRule(rule, waiting, success, failed, upstreamFailed, skipped);
  }

  /** Whether every failure among the ends is one that is allowed. */
  isExempt(child: number): boolean {
    const failures = this.#countOf(child, field.failed) + this.#countOf(child, field.upstream_failed);
    return failures === this.#countOf(child, field.exempt);
  }

  #countOf(child: number, place: number): number {
    return this.#counts[fields * child + place] ?? 0;
  }

  #increase(place: number): void {
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
  }

  #grow(size: number): void {
    const counts = new Int32Array(fields * Math.max(size, this.#counts.length / 2));
    counts.set(this.#counts);
    this.#counts = counts;
  }
}
