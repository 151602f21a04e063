import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AttemptLog } from "./attempt-log.ts";
import type { LogPiece } from "./runner-protocol.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function createLog(options: { maxBytes?: number; credit?: number } = {}) {
  const pieces: LogPiece[] = [];
  const pressure: boolean[] = [];
  const log = new AttemptLog({
    maxBytes: options.maxBytes ?? 1024 * 1024,
    credit: options.credit ?? 1024 * 1024,
    send: (piece) => pieces.push(piece),
    onPressure: (isHigh) => pressure.push(isHigh),
  });
  const entries = () => pieces.flatMap((piece) => piece.entries);
  const lines = () =>
    entries()
      .filter(({ source }) => source !== "system")
      .flatMap(({ text }) => text.split("\n"));
  const dropped = () => pieces.reduce((sum, piece) => sum + piece.droppedBytes, 0);
  const write = (text: string) => log.write("stdout", Buffer.from(text));
  return { log, pieces, pressure, entries, lines, dropped, write };
}

test("lines go out together shortly after they came", () => {
  const { write, pieces, lines } = createLog();

  write("a\nb\n");
  write("c\n");
  expect(pieces).toHaveLength(0);
  vi.advanceTimersByTime(200);

  expect(pieces).toHaveLength(1);
  expect(lines()).toEqual(["a", "b", "c"]);
});

test("the beginning of a line is shown within a second", () => {
  const { write, lines } = createLog();

  write("progress: 10 %");
  vi.advanceTimersByTime(1000);

  expect(lines()).toEqual(["progress: 10 %"]);
});

test("the sources are kept apart and no timer is left behind", () => {
  const { log, entries } = createLog();

  log.write("stdout", Buffer.from("out"));
  log.write("stderr", Buffer.from("err\n"));
  log.end();

  expect(entries().map(({ source, text }) => [source, text])).toEqual([
    ["stderr", "err"],
    ["stdout", "out"],
  ]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a piece has at most 64 KiB and 1,000 lines, and a longer line is cut", () => {
  const { write, log, pieces } = createLog();

  write(`${"x".repeat(100_000)}\n${"y\n".repeat(2500)}`);
  log.end();

  for (const { entries } of pieces) {
    const text = entries.map((entry) => entry.text).join("\n");
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64 * 1024);
    expect(text.split("\n").length).toBeLessThanOrEqual(1000);
  }
  expect(pieces.length).toBeGreaterThanOrEqual(4);
});

test("without credit the output waits, and goes on when earlier pieces are durable", () => {
  const { write, log, pieces, pressure, dropped, lines } = createLog({ maxBytes: 64 * 1024 * 1024, credit: 1000 });
  const sent = `${"x".repeat(968)}\n`.repeat(600);

  write(sent);
  expect(pressure).toEqual([true]);
  expect(lines()).toHaveLength(1);

  log.addCredit(1024 * 1024);
  expect(pressure).toEqual([true, false]);
  expect(lines()).toHaveLength(600);
  expect(pieces.every(({ cost }) => cost > 0)).toBe(true);
  expect(dropped()).toBe(0);
});

test("after 30 s without credit the task goes on and the oldest lines are given up and counted", () => {
  const { write, log, pressure, dropped, lines } = createLog({ maxBytes: 64 * 1024 * 1024, credit: 1 });
  const line = `${"x".repeat(1023)}\n`;

  write(line.repeat(1024));
  vi.advanceTimersByTime(30_000);
  expect(pressure).toEqual([true, false]);
  for (let count = 0; count < 16; count += 1) write(line.repeat(1024));
  log.addCredit(64 * 1024 * 1024);
  write("alive again\n");
  log.end();

  expect(lines().at(-1)).toBe("alive again");
  expect(dropped() + lines().slice(0, -1).length * 1024).toBe(17 * 1024 * 1024);
  expect(dropped()).toBeGreaterThan(12 * 1024 * 1024);
});

test("beyond the limit the middle is dropped and counted, never the end", () => {
  const { write, log, dropped, entries, lines } = createLog({ maxBytes: 10_000, credit: 1024 * 1024 });

  for (let index = 0; index < 5000; index += 1) write(`line ${index}\n`);
  log.end();

  expect(lines()[0]).toBe("line 0");
  expect(lines().at(-1)).toBe("line 4999");
  expect(entries().filter(({ source }) => source === "system")).toHaveLength(1);
  const kept = lines().reduce((sum, line) => sum + line.length + 1, 0);
  expect(kept + 32 * lines().length).toBeLessThan(11_000);
  const total = Array.from({ length: 5000 }, (_, index) => `line ${index}\n`.length).reduce((a, b) => a + b, 0);
  expect(kept + dropped()).toBe(total);
});

test("whatever comes in whatever pieces, kept and dropped bytes add up and the end is kept", () => {
  const text = fc.array(
    fc.string({ unit: "grapheme-ascii", maxLength: 60 }).map((line) => line.replaceAll("\n", "")),
    { minLength: 1, maxLength: 80 },
  );
  fc.assert(
    fc.property(
      text,
      fc.integer({ min: 200, max: 2000 }),
      fc.integer({ min: 1, max: 500 }),
      (written, maxBytes, credit) => {
        const { write, log, lines, dropped } = createLog({ maxBytes, credit });
        for (const line of written) write(`${line}\n`);
        log.end();

        const all = written.map((line) => line.length + 1).reduce((a, b) => a + b, 0);
        const kept = lines().reduce((sum, line) => sum + line.length + 1, 0);
        expect(kept + dropped()).toBe(all);
        expect(lines().at(-1)).toBe(written.at(-1));
      },
    ),
  );
});
