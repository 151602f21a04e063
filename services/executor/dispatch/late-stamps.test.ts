import { describe, expect, it } from "vitest";
import type { QueuedInstance } from "#ports/queued-instance.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { LateStamps } from "./late-stamps.ts";

const instance = (ordinal: number): QueuedInstance => ({ runKey: 1, ordinal, generation: 1, tryNumber: 1 });

/** Tickets of instances by their ordinals, and what was stamped of them. */
function openStamps() {
  const clock = createManualClock();
  const claimed = new Set<number>();
  const stamped: (readonly number[])[] = [];
  let finish = (): void => undefined;
  const stamps = new LateStamps(clock, (tickets) => {
    stamped.push(tickets.map(({ instance: { ordinal } }) => ordinal));
    return new Promise((resolve) => (finish = resolve));
  });
  const send = (...ordinals: number[]): void =>
    stamps.add(ordinals.map((one) => ({ instance: instance(one), isOut: () => !claimed.has(one) })));
  const finishStamp = async (): Promise<void> => {
    finish();
    await new Promise(setImmediate);
  };
  return { clock, claimed, stamped, stamps, send, finishStamp };
}

describe("a ticket that went out unstamped", () => {
  it("needs no stamp when it is claimed soon", () => {
    const { clock, claimed, stamped, stamps, send } = openStamps();
    send(1);
    expect(stamps.has(instance(1))).toBe(true);
    claimed.add(1);
    expect(stamps.has(instance(1))).toBe(false);
    clock.advance(1000);
    expect(stamped).toEqual([]);
    expect(clock.timerCount()).toBe(0);
  });

  it("is stamped when it is not, and known until the stamp is written", async () => {
    const { clock, stamped, stamps, send, finishStamp } = openStamps();
    send(1);
    clock.advance(1000);
    expect(stamped).toEqual([[1]]);
    expect(stamps.has(instance(1))).toBe(true);
    await finishStamp();
    expect(stamps.has(instance(1))).toBe(false);
    clock.advance(1000);
    expect(stamped).toEqual([[1]]);
  });

  it("is looked at when it is old itself, not with those that were sent before", () => {
    const { clock, claimed, stamped, send } = openStamps();
    send(1, 2);
    clock.advance(15);
    send(3);
    claimed.add(2);
    clock.advance(5);
    expect(stamped).toEqual([[1]]);
    clock.advance(15);
    expect(stamped).toEqual([[1], [3]]);
  });

  it("leaves no timer behind", () => {
    const { clock, stamped, stamps, send } = openStamps();
    send(1);
    stamps.stop();
    send(2);
    clock.advance(1000);
    expect(stamped).toEqual([]);
    expect(clock.timerCount()).toBe(0);
  });
});
