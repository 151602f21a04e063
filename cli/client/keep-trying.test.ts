import { describe, expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { keepTrying } from "./keep-trying.ts";

describe("keepTrying", () => {
  test("opens the stream again after a failure that may pass, and says so once", async () => {
    const attempts: (() => AsyncIterable<number>)[] = [
      () => streamOf([1], new AppError("PEER_UNAVAILABLE", "gone")),
      () => streamOf([], new AppError("DATABASE_UNAVAILABLE", "away")),
      () => streamOf([2]),
      () => streamOf([3]),
    ];
    let away = 0;
    const seen: number[] = [];
    const options = { signal: new AbortController().signal, onAway: () => void (away += 1) };
    for await (const item of keepTrying(
      () => attempts.shift()?.() ?? streamOf([]),
      () => seen.includes(3),
      options,
    ))
      seen.push(item);
    expect({ seen, away }).toEqual({ seen: [1, 2, 3], away: 1 });
  });

  test("throws what can't pass", async () => {
    const options = { signal: new AbortController().signal, onAway: () => undefined };
    const stream = keepTrying(
      () => streamOf([], new AppError("RUN_NOT_FOUND", "none")),
      () => false,
      options,
    );
    await expect(stream.next()).rejects.toThrow("none");
  });

  test("ends with the signal, also in a pause", async () => {
    const stopping = new AbortController();
    const options = { signal: stopping.signal, onAway: () => stopping.abort() };
    const stream = keepTrying(
      () => streamOf([], new AppError("PEER_UNAVAILABLE", "gone")),
      () => false,
      options,
    );
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

async function* streamOf(items: readonly number[], end?: Error): AsyncGenerator<number> {
  yield* items;
  if (end !== undefined) throw end;
}
