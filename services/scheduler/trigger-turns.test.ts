import { expect, it } from "vitest";
import { createTriggerTurns } from "./trigger-turns.ts";

function open(maxAtOnce: number, patienceMs = Number.POSITIVE_INFINITY) {
  const run = createTriggerTurns({ maxAtOnce, patienceMs });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, signal?: AbortSignal): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>();
    ends.set(name, () => resolve(name));
    return run(() => {
      begun.push(name);
      return promise;
    }, signal);
  };
  const end = (name: string): void => ends.get(name)?.();
  return { run, begun, ask, end };
}

it.each([
  ["in the order of their coming", Number.POSITIVE_INFINITY, ["a", "b", "c", "d"]],
  ["newest first while the oldest waits for too long", -1, ["a", "b", "d", "c"]],
])("does so many at once, and what waits %s", async (_order, patienceMs, expected) => {
  const { begun, ask, end } = open(2, patienceMs);
  const answers = ["a", "b", "c", "d"].map((name) => ask(name));
  expect(begun).toEqual(["a", "b"]);
  end("a");
  await answers[0];
  expect(begun).toEqual(expected.slice(0, 3));
  for (const name of ["b", "c", "d"]) end(name);
  expect(await Promise.all(answers)).toEqual(["a", "b", "c", "d"]);
  expect(begun).toEqual(expected);
});

it("drops what nobody waits for any more, and gives no turn to it", async () => {
  const { begun, ask, end } = open(1);
  const leaving = new AbortController();
  const [first, left, last] = [ask("first"), ask("left", leaving.signal), ask("last")];
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  await expect(ask("late", leaving.signal)).rejects.toThrow("gone");
  end("first");
  end("last");
  expect(await Promise.all([first, last])).toEqual(["first", "last"]);
  expect(begun).toEqual(["first", "last"]);
});

it("gives the turn of what fails to the next", async () => {
  const { run, ask, end } = open(1);
  const failing = run(() => Promise.reject(new Error("it failed")), undefined);
  const next = ask("next");
  end("next");
  await expect(failing).rejects.toThrow("it failed");
  expect(await next).toBe("next");
  const again = ask("again");
  end("again");
  expect(await again).toBe("again");
});
