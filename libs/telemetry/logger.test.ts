import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { AppError } from "#errors/app-error.ts";
import { createLogger, type LogLevel } from "./logger.ts";

function capture(options: { level?: LogLevel; format?: "json" | "text"; colors?: boolean } = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: options.level ?? "info",
    format: options.format ?? "json",
    component: "scheduler",
    colors: options.colors ?? false,
    sink: { write: (line) => lines.push(line) },
  });
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? "null") as Record<string, unknown>;
  return { logger, lines, last };
}

test("a line has an RFC 3339 timestamp, the level as a word, component, message and the given fields", () => {
  const { logger, last } = capture();

  logger.info({ dag_id: "etl", try_number: 2 }, "made a run");

  expect(last()).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    level: "info",
    component: "scheduler",
    message: "made a run",
    dag_id: "etl",
    try_number: 2,
  });
});

test("lines below the level are left out, and a child keeps its fields", () => {
  const { logger, lines, last } = capture({ level: "warn" });

  logger.info("quiet");
  logger.child({ dag_run_id: "r1" }).warn("loud");

  expect(lines).toHaveLength(1);
  expect(last()).toMatchObject({ level: "warn", dag_run_id: "r1" });
});

test("an expected error gives its message with causes, its code and where it was made, without a stack", () => {
  const { logger, last } = capture();
  const cause = new Error("connect ECONNREFUSED");

  logger.error({ err: new AppError("DATABASE_UNAVAILABLE", "no answer from the database", { cause }) }, "scan failed");

  expect(last()).toMatchObject({
    message: "scan failed",
    error: "no answer from the database: caused by connect ECONNREFUSED",
    error_type: "DATABASE_UNAVAILABLE",
    caller: expect.stringContaining("logger.test.ts"),
  });
  expect(last()).not.toHaveProperty("stack");
  expect(last()).not.toHaveProperty("err");
});

test("a bug keeps its stack, given alone or as a field, and any thrown value is described", () => {
  const { logger, last } = capture();

  logger.error(new TypeError("x is not a function"));
  expect(last()).toMatchObject({ message: "x is not a function", error_type: "TypeError" });
  expect(last()).toHaveProperty("stack", expect.stringContaining("logger.test.ts"));

  logger.error({ err: AppError.from(new RangeError("inner")) }, "call failed");
  expect(last()).toMatchObject({ error_type: "INTERNAL", error: expect.stringContaining("inner") });

  logger.error({ err: "just text" }, "odd");
  expect(last()).toMatchObject({ error: "just text", error_type: "string" });
});

test("a circular chain of causes ends", () => {
  const { logger, lines } = capture();
  const error = new Error("loop");
  error.cause = error;

  logger.error({ err: error }, "round");

  expect(lines).toHaveLength(1);
});

test("secrets are masked, also one level down", () => {
  const { logger, lines } = capture();

  logger.info({ password: "hunter2", headers: { authorization: "Bearer abc" } }, "x");

  expect(lines.join("")).not.toMatch(/hunter2|abc/);
});

test("text is one line for people, and a value can't pretend to be a line", () => {
  const { logger, lines } = capture({ format: "text" });

  logger.warn({ dag_id: "etl", error: "bad\nthing" }, "run refused");

  expect(lines.join("")).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3}Z WARN {2}scheduler run refused dag_id=etl error="bad\\nthing"\n$/,
  );
});

test("text keeps a message with control characters on its line and off the terminal", () => {
  const { logger, lines } = capture({ format: "text" });

  logger.info({ file: "a\u009b31m" }, "first\nsecond\u001b[31m");

  expect(lines.join("")).toContain(String.raw`first\x0asecond\x1b[31m`);
  expect(lines.join("")).toContain(String.raw`file="a\x9b31m"`);
});

test("text shows the stack of a bug on lines of its own", () => {
  const { logger, lines } = capture({ format: "text" });

  logger.error({ err: new TypeError("x is not a function") }, "step failed");

  const [first, ...frames] = lines.join("").trimEnd().split("\n");
  expect(first).toContain('error="x is not a function"');
  expect(frames[0]).toMatch(/^ {4}at .*logger\.test\.ts/);
});

test("colors are used only when asked for", () => {
  const plain = capture({ format: "text" });
  const colored = capture({ format: "text", colors: true });

  plain.logger.info("x");
  colored.logger.info("x");

  expect(plain.lines.join("")).not.toContain("\u001B[");
  expect(colored.lines.join("")).toContain("\u001B[");
});

test("by default lines are on stderr before the process dies, without colors when it is no terminal", () => {
  const program = `
    import { createLogger } from ${JSON.stringify(new URL("logger.ts", import.meta.url).href)};
    createLogger({ level: "info", format: "text", component: "t" }).info("last words");
    process.kill(process.pid, "SIGKILL");`;

  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });

  expect(stdout).toBe("");
  expect(stderr).toMatch(/INFO {2}t last words\n$/);
});
