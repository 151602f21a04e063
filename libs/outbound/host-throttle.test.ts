import { expect, test } from "vitest";
import { createManualClock } from "#testing/manual-clock.ts";
import { HostThrottle } from "./host-throttle.ts";

const never = new AbortController().signal;

function open() {
  const clock = createManualClock();
  const throttle = new HostThrottle(clock);
  const sentAt: number[] = [];
  const ask = (signal = never): Promise<void> => throttle.turn(signal).then(() => void sentAt.push(clock.now()));
  /** Asks every 100 ms. */
  const askSteadily = async (count: number): Promise<void> => {
    for (let asked = 0; asked < count; asked += 1) {
      await ask();
      clock.advance(100);
    }
  };
  /** Lets waiting requests go, in steps so small that each is seen at its time. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { clock, throttle, ask, askSteadily, sentAt, pass };
}

test("a host that asks for nothing is asked at once, however often", async () => {
  const { ask, sentAt } = open();
  await Promise.all([ask(), ask(), ask()]);
  expect(sentAt).toEqual([0, 0, 0]);
});

test("one that asks for less is asked at half the rate for as long as it says, then as before", async () => {
  const { throttle, ask, askSteadily, sentAt, pass } = open();
  await askSteadily(5);
  throttle.slowDown(1000);
  const asked = Promise.all([ask(), ask(), ask()]);
  await pass(1000);
  await asked;
  expect(sentAt.slice(5)).toEqual([600, 800, 1000]);
  await pass(600);
  await Promise.all([ask(), ask()]);
  expect(sentAt.slice(8)).toEqual([2100, 2100]);
});

test("what was sent before it asked says nothing of the new rate; if it asks again at that, it is halved again", async () => {
  const { throttle, ask, askSteadily, sentAt, pass } = open();
  await askSteadily(5);
  for (let answer = 0; answer < 5; answer += 1) throttle.slowDown(10_000);
  const first = Promise.all([ask(), ask()]);
  await pass(500);
  await first;
  throttle.slowDown(10_000);
  const second = Promise.all([ask(), ask()]);
  await pass(1500);
  await second;
  expect(sentAt.slice(5)).toEqual([600, 800, 1200, 1600]);
});

test("a request that is given up waits no longer", async () => {
  const { clock, throttle, ask, askSteadily } = open();
  await askSteadily(5);
  throttle.slowDown(null);
  const giveUp = new AbortController();
  const asked = ask(giveUp.signal);
  giveUp.abort(new Error("cancelled"));
  await expect(asked).rejects.toThrow("cancelled");
  expect(clock.timerCount()).toBe(0);
  await expect(ask(giveUp.signal)).rejects.toThrow("cancelled");
});
