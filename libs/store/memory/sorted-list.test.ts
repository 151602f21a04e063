import fc from "fast-check";
import { expect, it } from "vitest";
import { SortedList } from "./sorted-list.ts";

it("holds what was added and not removed, in order", () => {
  const steps = fc.array(fc.record({ add: fc.boolean(), value: fc.nat(20) }));
  fc.assert(
    fc.property(steps, (given) => {
      const list = new SortedList<number>((a, b) => a - b);
      const model = new Set<number>();
      for (const { add, value } of given) {
        if (add && !model.has(value)) list.add(value);
        if (!add) list.remove(value);
        if (add) model.add(value);
        else model.delete(value);
      }
      expect([...list]).toEqual([...model].toSorted((a, b) => a - b));
    }),
  );
});
