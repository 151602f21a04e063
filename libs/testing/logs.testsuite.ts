import { expect, it } from "vitest";
import { decideRun } from "#core/decide-run.ts";
import type { NewLogChunk } from "#ports/log-store.ts";
import type { RunChangeResult } from "#ports/run-store.ts";
import type { Store } from "#ports/store.ts";
import { claim, startRun, success } from "./store-driver.ts";
import { type OpenHarness, openForTest } from "./store-harness.ts";

const attempt = { runKey: 1, ordinal: 2, generation: 1, tryNumber: 1 };

function chunk(sequence: number, texts: readonly string[], address = attempt): NewLogChunk {
  const entries = texts.map((text, place) => ({
    at: 1_700_000_000_000 + place,
    source: place % 2 === 0 ? ("stdout" as const) : ("stderr" as const),
    text,
  }));
  return { ...address, sequence, entries, droppedBytes: 0 };
}

/** What every log store does. */
export function describeLogs(open: OpenHarness): void {
  it("numbers the lines of an attempt from 1 across chunks and batches", async () => {
    const { store } = await openForTest(open);
    await store.logs.append([chunk(1, ["a", "b"]), chunk(2, ["c"])]);
    await store.logs.append([chunk(3, ["d"])]);
    const lines = await store.logs.read({ attempt, afterLine: 0, limit: 10 });
    expect(lines.map(({ number, text }) => `${number} ${text}`)).toEqual(["1 a", "2 b", "3 c", "4 d"]);
    expect(lines[1]).toEqual({ number: 2, text: "b", source: "stderr", at: 1_700_000_000_001 });
  });

  it("reads on after a line, up to a limit", async () => {
    const { store } = await openForTest(open);
    const texts = Array.from({ length: 30 }, (_, place) => `line ${place + 1}`);
    for (let sequence = 1; sequence <= 60; sequence += 1) await store.logs.append([chunk(sequence, texts)]);
    const read = async (afterLine: number, limit: number): Promise<number[]> =>
      (await store.logs.read({ attempt, afterLine, limit })).map((line) => line.number);
    expect(await read(45, 3)).toEqual([46, 47, 48]);
    expect(await read(1798, 10)).toEqual([1799, 1800]);
    expect(await read(1800, 10)).toEqual([]);
    expect(await read(0, 1790)).toHaveLength(1790);
  });

  it("leaves alone a chunk that comes again, also when both come at once", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    await Promise.all([
      store.logs.append([chunk(1, ["a"]), chunk(2, ["b"])]),
      other.logs.append([chunk(1, ["a"]), chunk(2, ["b"])]),
    ]);
    await store.logs.append([chunk(2, ["b"]), chunk(3, ["c"])]);
    const lines = await store.logs.read({ attempt, afterLine: 0, limit: 10 });
    expect(lines.map(({ number, text }) => `${number} ${text}`)).toEqual(["1 a", "2 b", "3 c"]);
  });

  it("keeps attempts apart, and text as it is", async () => {
    const { store } = await openForTest(open);
    const retried = { ...attempt, tryNumber: 2 };
    const odd = "tab\t nul\u0000 🙂 \ud800 ü";
    await store.logs.append([chunk(1, ["first"]), chunk(1, [odd, ""], retried)]);
    expect((await store.logs.read({ attempt, afterLine: 0, limit: 10 })).map((line) => line.text)).toEqual(["first"]);
    expect((await store.logs.read({ attempt: retried, afterLine: 0, limit: 10 })).map((line) => line.text)).toEqual([
      odd,
      "",
    ]);
    expect(await store.logs.read({ attempt: { ...attempt, generation: 9 }, afterLine: 0, limit: 10 })).toEqual([]);
  });

  it("counts and reads a log as bytes of text, over chunks, batches and characters", async () => {
    const { store } = await openForTest(open);
    expect(await store.logs.textSize(attempt)).toBe(0);
    const chunks = Array.from({ length: 40 }, (_, place) =>
      chunk(place + 1, [`line ${place} ü🙂`, "", "x".repeat(place)]),
    );
    await store.logs.append(chunks.slice(0, 3));
    await store.logs.append(chunks.slice(2));
    const whole = Buffer.from(chunks.flatMap(({ entries }) => entries.map(({ text }) => `${text}\n`)).join(""));
    expect(await store.logs.textSize(attempt)).toBe(whole.length);
    const read = async (start: number, end: number): Promise<Buffer> => {
      const parts: Uint8Array[] = [];
      for await (const part of store.logs.readText({ attempt, start, end })) parts.push(part);
      return Buffer.concat(parts);
    };
    const places = [0, 1, 9, 12, 13, 500, whole.length - 1, whole.length, whole.length + 9];
    for (const start of places) {
      for (const end of places) {
        const expected = start < end ? whole.subarray(start, end) : Buffer.alloc(0);
        expect((await read(start, end)).equals(expected), `${start} to ${end}`).toBe(true);
      }
    }
  });

  it("writes a short log with the outcome that brings it, once, and goes on after it", async () => {
    const { store, openAnother } = await openForTest(open);
    const other = await openAnother();
    const { runKey } = await startRun(store, [{ id: "a" }]);
    const fence = await claim(store, runKey, 0);
    const address = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
    const log = chunk(1, ["tab\t nul\u0000 🙂", "last"], address);
    const details: string[] = [];
    const stop = other.wake.listen("logs", (detail) => details.push(detail));
    const end = (each: Store): Promise<readonly RunChangeResult[]> => {
      const events = [{ kind: "outcome", ordinal: 0, fence, outcome: success }] as const;
      return each.runs.changeRuns([{ runKey, decide: (run) => decideRun(run, events, each.now()), logs: () => [log] }]);
    };
    for (const each of [store, other, store]) await end(each);
    await expect.poll(() => details).toEqual([`${runKey}/0`]);
    await store.logs.append([log, chunk(2, ["later"], address)]);
    const lines = await other.logs.read({ attempt: address, afterLine: 0, limit: 10 });
    expect(lines.map(({ number, text, source }) => [number, text, source])).toEqual([
      [1, "tab\t nul\u0000 🙂", "stdout"],
      [2, "last", "stderr"],
      [3, "later", "stdout"],
    ]);
    expect(await other.logs.textSize(address)).toBe(Buffer.byteLength("tab\t nul\u0000 🙂\nlast\nlater\n"));
    stop();
  });

  it("leaves alone what came by itself before its outcome", async () => {
    const { store } = await openForTest(open);
    const { runKey } = await startRun(store, [{ id: "a" }]);
    const fence = await claim(store, runKey, 0);
    const address = { runKey, ordinal: 0, generation: 1, tryNumber: 1 };
    const log = chunk(1, ["once"], address);
    await store.logs.append([log]);
    const events = [{ kind: "outcome", ordinal: 0, fence, outcome: success }] as const;
    const [result] = await store.runs.changeRuns([
      { runKey, decide: (run) => decideRun(run, events, store.now()), logs: () => [log] },
    ]);
    expect(result?.kind).toBe("applied");
    const lines = await store.logs.read({ attempt: address, afterLine: 0, limit: 10 });
    expect(lines.map(({ number, text }) => [number, text])).toEqual([[1, "once"]]);
  });

  it("tells listeners which instance has new lines", async () => {
    const { store } = await openForTest(open);
    const details: string[] = [];
    const stop = store.wake.listen("logs", (detail) => details.push(detail));
    await store.logs.append([chunk(1, ["a"])]);
    await expect.poll(() => details).toEqual(["1/2"]);
    stop();
  });
}
