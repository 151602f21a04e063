import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { modes, openAttempt, useDataDir, waitForFile } from "./attempt-harness.testsuite.ts";
import { formatBytes } from "./limit-breach.ts";

useDataDir();
const mebibyte = 1024 * 1024;

describe.each(modes)("with $name", ({ support }) => {
  test("an attempt beyond its memory is ended as out of memory, all of it", async () => {
    const { attempt, start, end, living } = openAttempt({ support, limits: { memoryBytes: 64 * mebibyte } });

    start("{ head -c 200000000 /dev/zero; sleep 100; } | tail > /dev/null");
    const { breach, signal } = await end();

    expect(breach).toMatchObject({ code: "out_of_memory", message: expect.stringContaining("64 MiB") });
    expect(signal).toBe("SIGKILL");
    expect(living()).toEqual([]);
    await attempt.close();
  });

  test("an attempt beyond its disk is ended by name, and what it wrote is gone", async () => {
    const { attempt, start, end } = openAttempt({ support, limits: { diskBytes: 2 * mebibyte } });

    start("mkdir -p deep/er; head -c 5000000 /dev/zero > deep/er/file; trap '' TERM; sleep 100");
    const { breach } = await end();

    expect(breach?.code).toBe("disk_limit");
    expect(breach?.message).toMatch(/at least 4\.8 MiB where 2 MiB are allowed/);
    await attempt.close();
  });

  test("an attempt that forks for ever is ended by name, nothing of it lives and its neighbor goes on", async () => {
    const bomb = openAttempt({ support, limits: { processes: 60 } });
    const neighbor = openAttempt({ support });

    neighbor.start(`touch ${neighbor.file("ready")}; while [ ! -e ${neighbor.file("go")} ]; do sleep 0.05; done`);
    await waitForFile(neighbor.file("ready"));
    // It has a fuse: a test that fails must not take the machine with it.
    bomb.start("(trap '' TERM; for i in $(seq 1500); do sleep 20 & done; wait) & sleep 20");
    const { breach } = await bomb.end();

    expect(breach).toEqual({
      code: "process_limit",
      message: "it reached 60 processes, the most that an attempt may have",
    });
    expect(bomb.living()).toEqual([]);
    expect(neighbor.living().length).toBeGreaterThan(0);
    writeFileSync(neighbor.file("go"), "");
    expect(await neighbor.end()).toMatchObject({ exitCode: 0, breach: null });
    await Promise.all([bomb, neighbor].map(({ attempt }) => attempt.close()));
  });

  test("what all processes of an attempt used is told at its end", async () => {
    const { attempt, start, end, closed } = openAttempt({ support });

    start(
      "x=$(head -c 30000000 /dev/zero | tr '\\0' x); for i in $(seq 300000); do :; done; (for i in $(seq 300000); do :; done)",
    );
    await end();
    await attempt.close();

    const { usage } = closed() ?? {};
    expect(usage?.cpuMs).toBeGreaterThan(100);
    expect(usage?.memoryPeakBytes).toBeGreaterThan(25_000_000);
  });

  test("an attempt that ends well is not judged by what it came near to", async () => {
    const { attempt, start, end } = openAttempt({
      support,
      limits: { memoryBytes: 64 * mebibyte, processes: 60, diskBytes: 2 * mebibyte, cpus: 0.5 },
    });

    start("for i in 1 2 3 4 5; do sleep 0.1 & done; wait; head -c 1000000 /dev/zero > file");

    expect(await end()).toMatchObject({ exitCode: 0, breach: null });
    await attempt.close();
  });
});

test.each([
  [0, "0 bytes"],
  [1023, "1023 bytes"],
  [1536, "1.5 KiB"],
  [512 * mebibyte, "512 MiB"],
  [2 ** 50, "1024 TiB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
