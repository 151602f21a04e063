import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { isAlive, modes, openAttempt, useDataDir, waitForFile } from "./attempt-harness.testsuite.ts";

const dataDir = useDataDir();

describe.each(modes)("with $name", ({ support }) => {
  test("a process ends with its code, its lines and the tails of its output", async () => {
    const { attempt, start, end, log, closed, directories } = openAttempt({ support, captureStdout: true });

    start("echo one; echo two; echo oops >&2; echo 'a=1' > $OUT; exit 3");
    expect(await end()).toEqual({
      exitCode: 3,
      signal: null,
      lastStdoutLine: "two",
      stderrTail: "oops\n",
      wasStopped: false,
      breach: null,
      failure: null,
    });
    await attempt.close();

    expect(log().sort()).toEqual(["stderr: oops", "stdout: one", "stdout: two"]);
    expect(closed()).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
    expect(existsSync(directories.base)).toBe(false);
  });

  test("what ignores SIGTERM, left the session or holds the output is dead after the grace, and only then the end is reported (G13)", async () => {
    const { attempt, start, end, living, file } = openAttempt({ support });

    start(`trap '' TERM
      (trap '' TERM; setsid bash -c "trap '' TERM; echo \\$\\$ > ${file("orphan")}; while :; do sleep 1; done" & )
      while [ ! -s ${file("orphan")} ]; do sleep 0.01; done
      touch ${file("ready")}; while :; do sleep 1; done`);
    await waitForFile(file("ready"));
    expect(living().length).toBeGreaterThanOrEqual(2);
    const before = performance.now();
    attempt.stop(200);
    const { signal, wasStopped } = await end();

    expect({ signal, wasStopped }).toEqual({ signal: "SIGKILL", wasStopped: true });
    expect(performance.now() - before).toBeGreaterThanOrEqual(195);
    expect(performance.now() - before).toBeLessThan(2200);
    expect(living()).toEqual([]);
    expect(isAlive(Number(readFileSync(file("orphan"), "utf8")))).toBe(false);
    await attempt.close();
  });

  test("SIGTERM reaches the group, which may clean up within the grace, also after the main process has ended", async () => {
    const { attempt, start, end, log, file } = openAttempt({ support });

    start(
      `bash -c "trap 'sleep 0.7; echo cleaned; exit 0' TERM; touch ${file("ready")}; while :; do sleep 0.01; done" & wait`,
    );
    await waitForFile(file("ready"));
    attempt.stop(10_000);
    const { wasStopped } = await end();
    await attempt.close();

    expect(wasStopped).toBe(true);
    expect(log()).toContain("stdout: cleaned");
  });

  test("a stop without grace kills at once, and a later one without grace cuts the grace short", async () => {
    const { attempt, start, end, file } = openAttempt({ support });

    start(`trap '' TERM; touch ${file("ready")}; while :; do sleep 1; done`);
    await waitForFile(file("ready"));
    attempt.stop(60_000);
    attempt.stop(0);

    expect(await end()).toMatchObject({ signal: "SIGKILL", wasStopped: true });
    await attempt.close();
  });

  test("children that outlive the main process are killed, and their hold on the output delays nothing", async () => {
    const { attempt, start, end, living, file } = openAttempt({ support });

    start(`setsid sleep 300 & sleep 300 & echo $! > ${file("child")}; exit 0`);
    const before = performance.now();

    expect(await end()).toMatchObject({ exitCode: 0, wasStopped: false });
    expect(performance.now() - before).toBeLessThan(3000);
    expect(living()).toEqual([]);
    expect(isAlive(Number(readFileSync(file("child"), "utf8")))).toBe(false);
    await attempt.close();
  });

  test("the last lines of a filter that ends after the main process are kept", async () => {
    const { attempt, start, end, log } = openAttempt({ support });

    start("exec > >(sleep 0.1; cat); echo late");
    await end();
    await attempt.close();

    expect(log()).toEqual(["stdout: late"]);
  });

  test("a process that is busy all the time is killed like any other", async () => {
    const { attempt, start, end, file, living } = openAttempt({ support });

    start(`(while :; do :; done) & touch ${file("ready")}; while :; do :; done`);
    await waitForFile(file("ready"));
    attempt.stop(100);

    expect(await end()).toMatchObject({ wasStopped: true });
    expect(living()).toEqual([]);
    await attempt.close();
  });
});

describe("what an attempt leaves is told with the end of its process", () => {
  const leftBy = async (command: string, more: { credit?: number; stops?: boolean } = {}) => {
    const opened = openAttempt(more);
    opened.start(command);
    if (more.stops === true) {
      await waitForFile(opened.file("ready"));
      opened.attempt.stop(0);
    }
    await opened.end();
    const left = opened.left();
    const log = opened.log();
    await opened.attempt.close();
    return { left, log, closed: opened.closed() };
  };

  test("its outputs, and its whole log before it, unfinished lines too", async () => {
    const { left, log, closed } = await leftBy("echo one; printf two; echo a=1 > $OUT");
    expect(left).toMatchObject({ outputs: [{ key: "a", json: '"1"' }], problem: null });
    expect(log).toEqual(["stdout: one", "stdout: two"]);
    expect(closed).toEqual(left);
  });

  test.each([
    ["artifacts, which somebody has to store", "touch ../artifacts/report", {}],
    ["a folder of artifacts that is none any more", "rmdir ../artifacts; touch ../artifacts", {}],
    ["a log that waits for credit", "seq 1000", { credit: 100 }],
    ["a stop", `touch "$READY"; sleep 60`, { stops: true }],
  ])("not with %s", async (_, command, more) => {
    const { left, closed } = await leftBy(command.replace("$READY", join(dataDir(), "ready")), more);
    expect(left).toBeNull();
    expect(closed).toMatchObject({ outputs: [], problem: null });
  });

  test("what a later process leaves counts, not what an earlier one left", async () => {
    const { attempt, start, end, closed, messages } = openAttempt();
    start("echo a=1 > $OUT");
    await end();
    start("echo b=2 >> $OUT; touch ../artifacts/report");
    await vi.waitFor(() => expect(messages.filter(({ kind }) => kind === "exited")).toHaveLength(2), 20_000);
    await attempt.close();
    expect(closed()?.outputs).toEqual([
      { key: "a", json: '"1"' },
      { key: "b", json: '"2"' },
    ]);
  });
});

describe("an attempt whose last process has ended", () => {
  const kinds = (messages: readonly { readonly kind: string }[]) => messages.map(({ kind }) => kind);

  test("closes by itself once that is told, and only once", async () => {
    const { attempt, directories, start, end, left, closed, messages, onClosed } = openAttempt();
    start("echo a=1 > $OUT", { isLast: true });
    await end();
    expect(messages.find(({ kind }) => kind === "exited")).toMatchObject({ closes: true });
    await vi.waitFor(() => expect(onClosed).toHaveBeenCalledOnce());
    expect(existsSync(directories.base)).toBe(false);
    expect(closed()).toEqual(left());
    await attempt.close();
    expect(kinds(messages)).toEqual(["exited", "closed"]);
    expect(onClosed).toHaveBeenCalledOnce();
  });

  test("waits to be closed where something of it has to be looked at", async () => {
    const { attempt, directories, start, end, messages, onClosed } = openAttempt();
    start("touch ../artifacts/report", { isLast: true });
    await end();
    expect(messages.find(({ kind }) => kind === "exited")).toMatchObject({ left: null, closes: false });
    await new Promise((resolve) => setImmediate(resolve));
    expect(existsSync(join(directories.artifacts, "report"))).toBe(true);
    expect(onClosed).not.toHaveBeenCalled();
    await attempt.close();
    expect(kinds(messages)).toEqual(["exited", "closed"]);
    expect(onClosed).toHaveBeenCalledOnce();
  });
});

test("an attempt that is stopped before its process starts never starts it", async () => {
  const { attempt, start, end, file } = openAttempt();

  attempt.stop(0);
  start(`touch ${file("ran")}`);

  expect(await end()).toMatchObject({ wasStopped: true, exitCode: null });
  expect(existsSync(file("ran"))).toBe(false);
  await attempt.close();
});

test("closing an attempt whose process runs kills it first", async () => {
  const { attempt, start, file, closed, living } = openAttempt();

  start(`touch ${file("ready")}; sleep 300`);
  await waitForFile(file("ready"));
  await attempt.close();

  expect(closed()).toBeDefined();
  expect(living()).toEqual([]);
});

test("a process sees the given variables and no other", async () => {
  const { attempt, start, end, log } = openAttempt();

  start("env -u PWD -u SHLVL -u _", { environment: { PATH: "/usr/bin:/bin", A: "$(touch x) 'é\n2" } });
  await end();
  await attempt.close();

  const lines = log()
    .map((line) => line.replace("stdout: ", ""))
    .sort();
  expect(lines).toEqual([
    "2",
    "A=$(touch x) 'é",
    expect.stringMatching(/^MILLRACE_ATTEMPT_TOKEN=test-/),
    "PATH=/usr/bin:/bin",
  ]);
});

test("standard input is what was given, else empty", async () => {
  const given = openAttempt({ captureStdout: true });
  given.start("cat", { input: "from outside" });
  expect((await given.end()).lastStdoutLine).toBe("from outside");
  await given.attempt.close();

  const empty = openAttempt({ captureStdout: true });
  empty.start("wc -c");
  expect((await empty.end()).lastStdoutLine).toBe("0");
  await empty.attempt.close();
});

test("what can't be started says why", async () => {
  const failureOf = async (more: Parameters<ReturnType<typeof openAttempt>["start"]>[1]) => {
    const { attempt, start, end } = openAttempt();
    start("x", more);
    const { failure } = await end();
    await attempt.close();
    return failure;
  };
  writeFileSync(join(dataDir(), "plain"), "");

  expect(await failureOf({ file: "no-such-program" })).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("no program no-such-program"),
  });
  expect(await failureOf({ file: join(dataDir(), "plain") })).toMatchObject({ code: "permission_denied" });
  expect(await failureOf({ cwd: join(dataDir(), "missing") })).toMatchObject({
    code: "not_found",
    message: expect.stringContaining("working directory"),
  });
  expect(await failureOf({ environment: { PATH: "/usr/bin:/bin", A: "x\0y" } })).toMatchObject({
    code: "configuration",
  });
  expect(await failureOf({ environment: { PATH: "/usr/bin:/bin", A: "x".repeat(200_000) } })).toMatchObject({
    code: "configuration",
  });
});

test("directories without write permission are removed too, and an output file that is no file is refused", async () => {
  const { attempt, directories, start, end, closed } = openAttempt();

  start(`mkdir -p a/b; touch a/b/c; chmod 500 a/b a; rm ${directories.outputFile}; mkfifo ${directories.outputFile}`);
  await end();
  await attempt.close();

  expect(existsSync(directories.base)).toBe(false);
  expect(closed()).toMatchObject({ outputs: [], problem: expect.stringContaining("replaced by something else") });
});

test("an attempt that gets the folders of an earlier one finds them private and empty, and has outputs of its own", async () => {
  const earlier = openAttempt();
  earlier.start("echo a=1 > $OUT; touch file ../tmp/file ../artifacts/file; mkdir folder");
  await earlier.end();
  await earlier.attempt.close();
  const later = openAttempt();

  expect(existsSync(earlier.directories.base)).toBe(false);
  expect(readdirSync(join(dataDir(), "spare"))).toEqual([]);
  later.start("ls -A . ../tmp ../artifacts ../code; stat -c %a . ..");
  await later.end();
  await later.attempt.close();

  const text = later.log().filter((line) => /file|folder|stdout: \d/.test(line));
  expect(text).toEqual(["stdout: 700", "stdout: 700"]);
  expect(earlier.closed()).toMatchObject({ outputs: [{ key: "a", json: '"1"' }] });
  expect(later.closed()).toMatchObject({ outputs: [], problem: null });
});

test("a directory that can't be made fails the process, not the runner", async () => {
  const attempts = join(dataDir(), "attempts");
  writeFileSync(attempts, "in the way");
  chmodSync(attempts, 0o400);
  const { attempt, start, end } = openAttempt();

  start("true", { cwd: dataDir() });

  expect(await end()).toMatchObject({
    failure: { code: "worker_error", message: expect.stringContaining("can't be made") },
  });
  await attempt.close();
});
