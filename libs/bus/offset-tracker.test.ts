import fc from "fast-check";
import { expect, test } from "vitest";
import { OffsetTracker } from "./offset-tracker.ts";

type Step =
  | { readonly kind: "take"; readonly gap: number }
  | { readonly kind: "finish"; readonly pick: number }
  | { readonly kind: "commit" };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("take" as const), gap: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant("finish" as const), pick: fc.nat(50) }),
    fc.record({ kind: fc.constant("commit" as const) }),
  ),
  { maxLength: 100 },
);

/** What may be committed, straight from the definition: behind the last message before which nothing is in hand. */
function highestSafe(taken: readonly number[], done: ReadonlySet<number>): number {
  const firstInHand = taken.find((offset) => !done.has(offset)) ?? Infinity;
  const safe = taken.filter((offset) => offset < firstInHand);
  return (safe.at(-1) ?? -1) + 1;
}

test("commits exactly what is done without a gap, in any order of finishing, and nothing twice", () => {
  fc.assert(
    fc.property(steps, (script: readonly Step[]) => {
      const tracker = new OffsetTracker();
      const finishers = new Map<number, () => void>();
      const done = new Set<number>();
      let committed = 0;
      for (const step of script) {
        const taken = [...finishers.keys()];
        if (step.kind === "take") {
          const offset = (taken.at(-1) ?? -1) + step.gap;
          const tracked = tracker.add(offset, "a");
          expect(tracked.kind).toBe("new");
          if (tracked.kind === "new") finishers.set(offset, tracked.finish);
        } else if (step.kind === "finish" && taken.length > 0) {
          const offset = taken[step.pick % taken.length] ?? 0;
          finishers.get(offset)?.();
          done.add(offset);
        }
        const safe = highestSafe([...finishers.keys()], done);
        expect(tracker.committable()).toBe(safe > committed ? safe : null);
        if (step.kind !== "commit" || safe <= committed) continue;
        tracker.committed(safe);
        committed = safe;
        expect(tracker.committable()).toBe(null);
        expect(tracker.size).toBe([...finishers.keys()].filter((offset) => offset >= safe).length);
      }
    }),
  );
});

test("knows a message that comes again while it is here, in hand or done", () => {
  const tracker = new OffsetTracker();
  const first = tracker.add(4, "a");
  tracker.add(5, "b");
  if (first.kind === "new") first.finish();

  expect(tracker.add(4, "a")).toEqual({ kind: "known" });
  expect(tracker.add(5, "b")).toEqual({ kind: "known" });
  expect(tracker.size).toBe(2);
});

test("tells another message with an offset of before from one that comes again", () => {
  const tracker = new OffsetTracker();
  tracker.add(4, "a");
  tracker.add(5, "b");

  expect(tracker.add(5, "later")).toEqual({ kind: "rewound" });
  expect(tracker.add(0, "later")).toEqual({ kind: "rewound" });
});

test("a commit under way when more is finished settles only what it carried", () => {
  const tracker = new OffsetTracker();
  const finishers = [0, 1, 2].map((offset) => tracker.add(offset, "a"));
  const finish = (index: number): void => {
    const tracked = finishers[index];
    if (tracked?.kind === "new") tracked.finish();
  };
  finish(0);
  const underWay = tracker.committable() ?? 0;
  finish(1);
  tracker.committed(underWay);

  expect(underWay).toBe(1);
  expect(tracker.committable()).toBe(2);
});
