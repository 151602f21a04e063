import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createWorker } from "./worker-program.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-program-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Nobody listens there. */
const executors = ["http://127.0.0.1:1"];
const handler = (): void => {};

test("a handler's name is registered once, and is a name", () => {
  const worker = createWorker().task("send", handler);

  expect(() => worker.task("send", handler)).toThrow("there is a handler send already");
  expect(() => worker.task("send mail", handler)).toThrow('the handler\'s name "send mail" must be letters');
  expect(() => worker.task("other", "text" as unknown as () => void)).toThrow("the handler other must be a function");
});

test("a worker without anything to run says so", async () => {
  await expect(createWorker({ executors, dataDir }).run()).rejects.toThrow("register a handler with task()");
});

test.each([
  [{ executors: ["nowhere"] }, /peers\.executors .* must be one or more addresses/],
  [{ slots: 0 }, /worker\.slots .* must be a whole number from 1/],
  [{ operators: ["bahs"] }, /did you mean bash/],
  [{ plugins: ["./away.js"] }, /the plugin \.\/away\.js/],
])("options that don't fit are refused by name: %j", async (options, message) => {
  const worker = createWorker({ executors, dataDir, ...options }).task("send", handler);

  await expect(worker.run()).rejects.toMatchObject({ code: "INVALID_CONFIG", message: expect.stringMatching(message) });
});

test("run() ends with its signal, leaves no listener, and can't be repeated", async () => {
  const worker = createWorker({ executors, dataDir, logLevel: "silent" }).task("send", handler);
  const before = process.listenerCount("SIGTERM");

  await worker.run({ signal: AbortSignal.abort() });

  expect(process.listenerCount("SIGTERM")).toBe(before);
  await expect(worker.run()).rejects.toThrow("has run already");
  expect(() => worker.task("late", handler)).toThrow("register it before run()");
  expect(() => worker.use(({ next }) => next())).toThrow("register it before run()");
});
