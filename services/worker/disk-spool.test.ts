import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "#clock/system-clock.ts";
import { createLogger } from "#telemetry/logger.ts";
import { createManualClock } from "#testing/manual-clock.ts";
import { type AttemptRef, type AttemptReport, failureReport, keyOf } from "./attempt.ts";
import { DiskSpool } from "./disk-spool.ts";
import { decodeOutcomeFile, encodeOutcomeFile } from "./outcome-file.ts";
import { openOutcomeFolder } from "./outcome-folder.ts";
import type { SpooledOutcome } from "./outcome-spool.ts";

const logger = createLogger({ level: "silent", format: "json", component: "test" });
let parent = "";
let directory = "";

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "millrace-spool-"));
  directory = join(parent, "outcomes");
});

afterEach(() => rmSync(parent, { recursive: true, force: true }));

async function openSpool(): Promise<DiskSpool> {
  const { folder, outcomes } = await openOutcomeFolder(directory, logger);
  const spool = new DiskSpool({ folder, outcomes, clock: systemClock, logger });
  onTestFinished(() => spool.close());
  return spool;
}

const success: AttemptReport = { kind: "success", exitCode: 0, durationMs: 5, logChunks: 1, outputs: [] };

function outcome(taskId: string, report: AttemptReport = success): SpooledOutcome {
  const ref: AttemptRef = { dagRunId: "r", taskId, mapIndex: null, generation: 1, tryNumber: 1, fence: 1n };
  return { key: keyOf(ref), ref, report };
}

const files = (): readonly string[] => readdirSync(directory).filter((name) => name.endsWith(".outcome"));
const written = (count: number): Promise<void> => vi.waitFor(() => expect(files()).toHaveLength(count));
const onlyFile = (): string => join(directory, files()[0] ?? "");

describe("an outcome", () => {
  test("that waits for its acknowledgement is found by the next start, as it was", async () => {
    const spool = await openSpool();
    const [first, second] = [outcome("a"), outcome("b", failureReport("exit_code", "exit code 3"))];
    spool.put(first);
    spool.put(second);
    await written(2);

    const next = await openSpool();
    expect(next.list().toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual([first, second]);
  });

  test("that is acknowledged has no file any more, whichever comes first", async () => {
    const spool = await openSpool();
    spool.put(outcome("early"));
    spool.remove(outcome("early").key);
    spool.put(outcome("late"));
    await written(1);
    spool.remove(outcome("late").key);

    await written(0);
    expect(spool.list()).toEqual([]);
  });

  test("is not written while acknowledgements are known to come that late", async () => {
    const clock = createManualClock();
    let writes = 0;
    const count = async (): Promise<void> => void (writes += 1);
    const folder = { write: count, sync: async () => undefined, remove: async () => undefined };
    const spool = new DiskSpool({ folder, outcomes: [], clock, logger });
    const writesUntilAcknowledged = async (ms: number): Promise<number> => {
      writes = 0;
      spool.put(outcome("a"));
      clock.advance(ms);
      await setImmediate();
      spool.remove(outcome("a").key);
      return writes;
    };

    expect(await writesUntilAcknowledged(40)).toBe(1);
    for (let number = 0; number < 20; number += 1) await writesUntilAcknowledged(40);
    expect(await writesUntilAcknowledged(40)).toBe(0);
    expect(await writesUntilAcknowledged(400)).toBe(1);
  });

  test("of an earlier start goes when it is acknowledged", async () => {
    const spool = await openSpool();
    spool.put(outcome("a"));
    await spool.close();
    const next = await openSpool();
    next.remove(outcome("a").key);

    await written(0);
    expect(next.list()).toEqual([]);
  });

  test("that is kept when the worker ends is on disk then", async () => {
    const spool = await openSpool();
    for (let number = 0; number < 200; number += 1) spool.put(outcome(`t${number}`));
    await spool.close();

    expect(files()).toHaveLength(200);
  });
});

describe("what is no outcome is put aside, and the others are read:", () => {
  const spoil: readonly (readonly [string, (path: string) => void])[] = [
    ["a file that was cut", (path) => truncateSync(path, 20)],
    ["an empty file", (path) => truncateSync(path, 0)],
    ["a file with another byte in it", (path) => flipLastByte(path)],
    ["a file of something else", (path) => writeFileSync(path, "not an outcome at all")],
    ["an outcome under another name", (path) => writeFileSync(`${path}.copy`, readFileSync(path))],
  ];

  test.each(spoil)("%s", async (_name, spoilFile) => {
    const spool = await openSpool();
    spool.put(outcome("spoiled"));
    await written(1);
    spoilFile(onlyFile());
    spool.put(outcome("good"));
    await spool.close();

    const next = await openSpool();
    expect(next.list().map(({ ref }) => ref.taskId)).toContain("good");
    expect(readdirSync(join(directory, "unusable"))).toHaveLength(1);
    expect(files()).toHaveLength(next.list().length);
  });

  test("a draft is removed: it was never complete", async () => {
    await openSpool();
    writeFileSync(join(directory, "x.outcome.1234.draft"), "half");

    expect((await openSpool()).list()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });
});

test("where nothing can be written outcomes stay in memory, and the spool says so", async () => {
  const spool = await openSpool();
  rmSync(directory, { recursive: true });
  writeFileSync(directory, "no folder");
  spool.put(outcome("a"));

  await vi.waitFor(() => expect(spool.problem).toContain("ENOTDIR"));
  expect(spool.list()).toHaveLength(1);
  rmSync(directory);
  await openOutcomeFolder(directory, logger);
  await spool.close();
  expect(spool.problem).toBeNull();
  expect(files()).toHaveLength(1);
});

test("an outcome reads back as it was written, whatever it is", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  const millis = fc.nat(10_000_000);
  const orNull = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary);
  const source = fc.constantFrom("stdout" as const, "stderr" as const, "system" as const);
  const line = fc.record({ source, at: millis, text: text.map((one) => one.replace(/[\0\r\n]/g, "")) });
  const log = fc.record({ entries: fc.array(line, { maxLength: 3 }), droppedBytes: fc.nat() });
  const base = {
    durationMs: millis,
    logChunks: fc.nat(),
    outputs: fc.array(fc.record({ key: text, json: text }), { maxLength: 3 }),
  };
  const report: fc.Arbitrary<AttemptReport> = fc.oneof(
    fc.record({ ...base, kind: fc.constant("success" as const), exitCode: orNull(fc.nat(255)) }),
    fc.record({ ...base, kind: fc.constant("skipped" as const) }),
    fc.record({
      ...base,
      ...{ kind: fc.constant("failed" as const), code: text, message: text, exitCode: orNull(fc.nat(255)) },
      ...{ signal: orNull(text), retryable: orNull(fc.boolean()), retryAfterMs: orNull(millis) },
    }),
  );
  const ref: fc.Arbitrary<AttemptRef> = fc.record({
    ...{ dagRunId: text, taskId: text, mapIndex: orNull(fc.nat(1000)), generation: fc.nat(9), tryNumber: fc.nat(9) },
    fence: fc.bigInt({ min: 0n, max: 2n ** 53n }),
  });
  fc.assert(
    fc.property(ref, report, fc.option(log), (given, ended, written) => {
      const said = written === null ? ended : { ...ended, log: written };
      const bytes = Buffer.from(encodeOutcomeFile({ ref: given, report: said }));
      expect(decodeOutcomeFile(bytes)).toEqual({ key: keyOf(given), ref: given, report: said });
    }),
  );
});

function flipLastByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
